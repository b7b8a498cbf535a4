"""Users of an account that only programs act for, and their tokens: keys of a user."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import transaction

from earwig import api_keys, audit, errors, sealing
from earwig.api_keys import Issued
from earwig.credentials import Credential
from earwig.models import Account, ApiKey, Membership
from earwig.models.accounts import Role
from earwig.models.api_keys import Scope

#: Of an e-mail address, so that a name with the account's number before it fits too.
LONGEST_EMAIL = 128
#: Names of keys. By the second one a user's old ones are found.
TOKEN_NAME, LOGIN_NAME, STABLE_NAME = "user token", "token-auth", "octosend"
#: Hex digits of a key.
KEY_LENGTH = 40
#: Tokens that a user may hold by logging in: what is stored as a hash cannot be given out twice.
MOST_LOGIN_TOKENS = 20

_INHERITED = ("scopes", "allowed_ips", "allowed_sender_domains", "requests_per_minute", "expires_at")


@transaction.atomic
def mint(minter: Credential, *, email: str, now: datetime) -> Issued:
    """A further token for the member of the minter's account that has this e-mail address; made where there is none.

    It may no more than the minter may at this moment, whatever a process remembers of its key. Whether the address
    belongs to users elsewhere is neither told nor of consequence.
    Raises StaffOnly, UnknownKey, and UserProtected and UserClosed of users of the own account.
    """
    minter.require_staff()
    account = Account.objects.get(pk=minter.account_id)
    user = _member(account, email)
    if user.is_staff or user.is_superuser:
        raise errors.UserProtected
    if not user.is_active:
        raise errors.UserClosed
    issued = api_keys.issue(account, name=TOKEN_NAME, now=now, user=user, **_rights_of(minter, now))
    audit.record(
        "issue key",
        issued.key,
        now=now,
        account=account,
        user=User(pk=minter.user_id) if minter.user_id else None,
        key_prefix=minter.prefix,
    )
    return issued


@transaction.atomic
def mint_own(minter: Credential, *, name: str, now: datetime) -> Issued:
    """A further key of the minter's user, or of its account where it has none, with the minter's own rights.

    Raises UnknownKey where its key was closed meanwhile.
    """
    account = Account.objects.get(pk=minter.account_id)
    user = User.objects.filter(pk=minter.user_id).first() if minter.user_id else None
    issued = api_keys.issue(account, name=name, now=now, user=user, **_rights_of(minter, now))
    audit.record("issue key", issued.key, now=now, account=account, user=user, key_prefix=minter.prefix)
    return issued


@transaction.atomic
def log_in(membership: Membership, *, now: datetime) -> Issued:
    """A token with all rights of the member. The newest MOST_LOGIN_TOKENS of the user stay open."""
    user: User = get_user_model().objects.select_for_update().get(pk=membership.user_id)
    account = membership.account
    issued = api_keys.issue(account, name=LOGIN_NAME, scopes=Scope.values, now=now, user=user)
    audit.record("issue key", issued.key, account=account, user=user, now=now)
    held = ApiKey.objects.usable(now).filter(user=user, account=account, name=LOGIN_NAME).order_by("-id")
    for key in held[MOST_LOGIN_TOKENS:]:
        api_keys.revoke(key, now=now)
        audit.record("revoke", key, account=account, user=user, now=now)
    return issued


def stable_key(membership: Membership, *, name: str = STABLE_NAME, now: datetime) -> str:
    """The secret of a key with all rights of the member: the same until the password changes or the key is revoked.

    Derived from the password's hash, so that it can be given out again and again though only its own hash is stored.
    Earlier ones stay valid until they are revoked. Each `name` has one of its own.
    """
    words = f"{membership.account_id}:{membership.user_id}:{membership.user.password}"
    secrets = (
        sealing.token_of(name, f"{words}:{generation}", KEY_LENGTH) for generation in itertools.count()
    )
    return next(secret for secret in secrets if _opens(membership, name, secret, now))


def _opens(membership: Membership, name: str, secret: str, now: datetime) -> bool:
    """Whether the key is neither revoked nor expired; made where there is none."""
    digest = api_keys.digest_of(secret)
    # First without a transaction: page views log in all the time, and hardly ever for the first time.
    key = ApiKey.objects.filter(digest=digest).first() or _made(membership, name, secret, digest, now)
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > now)


@transaction.atomic
def _made(membership: Membership, name: str, secret: str, digest: str, now: datetime) -> ApiKey:
    rights = {
        "account": membership.account,
        "user": membership.user,
        "name": name,
        "prefix": secret[: api_keys.PREFIX_LENGTH],
        "scopes": Scope.values,
        "created_at": now,
    }
    key, is_new = ApiKey.objects.get_or_create(digest=digest, defaults=rights)
    if is_new:
        audit.record("issue key", key, account=membership.account, user=membership.user, now=now)
    return key


def _member(account: Account, email: str) -> User:
    """Names of users are unique in the installation: one taken by a stranger gets the account's number before it, and
    a colon, which no address has there, so that no stranger takes that one too.
    """
    for username in (email, f"{account.pk}:{email}"):
        user, made = get_user_model().objects.get_or_create(
            username=username, defaults={"email": email, "password": make_password(None)}
        )
        if made:
            Membership.objects.create(user=user, account=account, role=Role.MEMBER)
        if made or Membership.objects.filter(user=user, account=account).exists():
            return user
    raise errors.UserClosed


def _rights_of(minter: Credential, now: datetime) -> dict[str, Any]:
    if minter.key_id is None:
        return {"scopes": minter.scopes}
    rights = ApiKey.objects.usable(now).filter(pk=minter.key_id).values(*_INHERITED).first()
    if rights is None:
        raise errors.UnknownKey
    return dict(rights)
