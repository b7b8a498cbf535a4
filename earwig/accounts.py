"""Opening accounts."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction

from earwig import errors
from earwig.models import Account, Membership
from earwig.models.accounts import Role


@transaction.atomic
def open_account(slug: str, *, name: str, email: str, password: str, now: datetime) -> Account:
    """An account and, unless `email` is empty, its first user, who may mint keys for it. All or nothing.

    Raises AccountExists, UserExists, InvalidAccount.
    """
    if Account.objects.filter(slug=slug).exists():
        raise errors.AccountExists
    account = Account(slug=slug, name=name or slug, created_at=now)
    try:
        account.full_clean()
    except ValidationError as refused:
        raise errors.InvalidAccount("; ".join(refused.messages)) from None
    account.save()
    if email:
        _add_user(account, email, password)
    return account


def _add_user(account: Account, email: str, password: str) -> None:
    users = get_user_model().objects
    if users.filter(username__iexact=email).exists():
        raise errors.UserExists
    user = users.create_user(username=email, email=email, password=password or None)
    Membership.objects.create(user=user, account=account, role=Role.STAFF)
