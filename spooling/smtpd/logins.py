"""Who submits: the name of a user or an account, and a key as the password."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from earwig import api_keys, errors, logins
from earwig.credentials import Credential
from earwig.models import Membership
from earwig.models.api_keys import Scope
from earwig.web import limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A connection's: kept for as long as it lasts, as its key is looked at again for every message."""

    ip: str
    secret: str = field(repr=False)
    has_rate: bool = False


def enter(user: str, secret: str, *, ip: str, now: datetime) -> Login:
    """A login, if the key is one of the account that is so called, or of an account that the user belongs to.

    Raises UnknownKey, AddressNotAllowed and ScopeMissing, and TooManyLogins after too many wrong ones from there.
    """
    guesses = logins.Guesses.of(f"smtp:{user.lower()}", ip=ip, now=now)
    if guesses.too_many_for_user or guesses.too_many_from_address:
        raise errors.TooManyLogins
    login = Login(ip=ip, secret=secret)
    try:
        credential = credential_of(login, now=now)
        if not _is_called(credential, user):
            raise errors.WrongLogin("This key is not one of this user.")
    except errors.UnknownKey:
        guesses.note_wrong()
        raise
    return Login(ip=ip, secret=secret, has_rate=credential.requests_per_minute is not None)


def credential_of(login: Login, *, now: datetime) -> Credential:
    """What the login may do by now. Raises UnknownKey, AddressNotAllowed and ScopeMissing."""
    if "\0" in login.secret:
        raise errors.UnknownKey
    credential = api_keys.authenticate(login.secret, ip=login.ip, now=now)
    credential.require(Scope.SEND)
    return credential


def count_message(login: Login, *, now: datetime) -> None:
    """Take one message of the key's rate. Raises RateLimited, and as `credential_of`."""
    limits.take(credential_of(login, now=now))


def _is_called(credential: Credential, user: str) -> bool:
    if user == credential.account_slug:
        return True
    if not user or "\0" in user:
        return False
    members = Membership.objects.filter(account=credential.account_id, user__is_active=True)
    return members.filter(Q(user__username=user) | Q(user__email__iexact=user)).exists()
