"""Sessions of users: what `/tokens` answers, used in the place of a key (contract §7.4). Each names a key of its user:
who revokes that ends them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import jwt
from django.conf import settings
from jwt.types import Options

from earwig import api_keys, errors, sealing, users
from earwig.credentials import Credential
from earwig.models import ApiKey, Membership
from spooling.wires.relay.errors import TokenExpired

LIFE = timedelta(days=30)
#: Names of the keys that tokens name: of who logged in, and of whom somebody acts for.
KEY_NAME, IMPERSONATION_NAME = "relay", "relay impersonation"
_ALGORITHM = "HS256"
_PURPOSE = "relay session"
#: The clock is the caller's; `sub` is text in RFC 7519 (quirk 18).
_UNCHECKED: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_sub": False,
}
_LONGEST = 4096


def is_token(secret: str) -> bool:
    """Whether this is a session's token and no key: three words with dots between."""
    return secret.count(".") == 2


def issue(membership: Membership, *, now: datetime, impersonated_by: str = "") -> str:
    """A token with which its bearer is this member for 30 days."""
    key = _key(membership, IMPERSONATION_NAME if impersonated_by else KEY_NAME, now)
    begin = int(now.timestamp())
    claims = {
        "sub": membership.account_id,
        "unique_name": email_of(membership),
        "relay_accounts": [membership.account.slug],
        "jti": str(key.pk),
        "iss": settings.PUBLIC_URL,
        "iat": begin,
        "nbf": begin,
        "exp": begin + int(LIFE.total_seconds()),
        **({"impersonated_by": impersonated_by} if impersonated_by else {}),
    }
    return jwt.encode(claims, sealing.signing_keys(_PURPOSE)[0], algorithm=_ALGORITHM)


def credential_of(token: str, *, ip: str, now: datetime) -> Credential:
    """What the session's user may do. Raises UnknownKey, AddressNotAllowed, TokenExpired."""
    claims = _claims(token)
    credential = api_keys.authenticate_named(int(claims["jti"]), ip=ip, now=now)
    if claims["exp"] <= now.timestamp():
        raise TokenExpired
    return credential


def email_of(membership: Membership) -> str:
    """What the user logs in with."""
    return membership.user.email or membership.user.get_username()


def _key(membership: Membership, name: str, now: datetime) -> ApiKey:
    secret = users.stable_key(membership, name=name, now=now)
    return ApiKey.objects.get(digest=api_keys.digest_of(secret))


def _claims(token: str) -> dict[str, Any]:
    """Of one that we signed. Raises UnknownKey."""
    for key in sealing.signing_keys(_PURPOSE) if len(token) <= _LONGEST else ():
        try:
            return dict(jwt.decode(token, key, algorithms=[_ALGORITHM], options=_UNCHECKED))
        except jwt.InvalidTokenError:
            continue
    raise errors.UnknownKey
