"""Keys of programs: issued, adopted, authenticated, rotated with overlap, revoked. Stored as SHA-256 only."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import logging
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Unpack

from django.db import DatabaseError, models, transaction

from earwig import errors, key_restrictions, networks
from earwig.credentials import Credential
from earwig.key_restrictions import Properties, Restrictions
from earwig.models import Account, ApiKey, Membership
from earwig.models.accounts import Role
from earwig.models.api_keys import Scope
from earwig.networks import Network

#: How long a process may go on trusting what it read of a key.
TRUSTED = timedelta(seconds=5)
#: How precise `last_used_at` is.
USE_NOTED_EVERY = timedelta(minutes=1)
PREFIX_LENGTH = 8
_MOST_CACHED = 10_000
_OLD_SECRET = re.compile(r"[0-9a-f]{32}")

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Issued:
    """A key and, this once, its secret."""

    key: ApiKey
    secret: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class _Read:
    key_id: int
    credential: Credential
    networks: tuple[Network, ...]
    expires_at: datetime | None
    read_at: datetime

    def is_fresh(self, now: datetime) -> bool:
        age = now - self.read_at
        return timedelta(0) <= age < TRUSTED and (self.expires_at is None or now < self.expires_at)


_read: dict[str, _Read] = {}
_noted: dict[int, datetime] = {}


def issue(
    account: Account, *, name: str, scopes: Iterable[str], now: datetime, **restrictions: Unpack[Restrictions]
) -> Issued:
    """A new key of 40 hex digits (160 random bits). Raises InvalidKey."""
    secret = secrets.token_hex(20)
    key = _build(account, secret, name, now)
    key.scopes = key_restrictions.scopes_of(scopes)
    _set(key, restrictions)
    key.save(force_insert=True)
    return Issued(key, secret)


def adopt(account: Account, secret: str, *, name: str, scopes: Iterable[str], now: datetime) -> ApiKey:
    """Take over a key of 32 hex digits from an old installation, so that its clients need no new one.

    Raises InvalidKey.
    """
    if not _OLD_SECRET.fullmatch(secret):
        raise errors.InvalidKey("An adopted key has 32 hex digits.")
    key = _build(account, secret, name, now)
    key.scopes = key_restrictions.scopes_of(scopes)
    if ApiKey.objects.filter(digest=key.digest).exists():
        raise errors.InvalidKey("This key is in use already.")
    key.save(force_insert=True)
    return key


def authenticate(secret: str, *, ip: str, now: datetime) -> Credential:
    """What the key may do. Another process's change is seen within 5 s, this process's at once.

    Raises UnknownKey (unknown, revoked, expired, account or user inactive, user no longer a member) and
    AddressNotAllowed.
    """
    return _authenticated(digest_of(secret), ip, now)


def authenticate_named(key_id: int, *, ip: str, now: datetime) -> Credential:
    """As `authenticate`, for a signed token that names the key. Raises UnknownKey, AddressNotAllowed."""
    digest = ApiKey.objects.filter(pk=key_id).values_list("digest", flat=True).first()
    return _authenticated(digest or "", ip, now)


def _authenticated(digest: str, ip: str, now: datetime) -> Credential:
    read = _read.get(digest)
    if read is None or not read.is_fresh(now):
        read = _look_up(digest, now)
    if read.networks and not _is_inside(ip, read.networks):
        raise errors.AddressNotAllowed
    _note_use(read.key_id, now)
    return read.credential


@transaction.atomic
def rotate(key: ApiKey, *, overlap: timedelta, now: datetime) -> Issued:
    """A new key with the same rights and the same length of life; the old one stays for `overlap` at most.

    Raises KeyClosed, and InvalidKey for a negative overlap.
    """
    if overlap < timedelta(0):
        raise errors.InvalidKey("An overlap is not negative.")
    old = (
        ApiKey.objects.usable(now).select_for_update(of=("self",)).filter(pk=key.pk, replaced_by=None).first()
    )
    if old is None:
        raise errors.KeyClosed
    issued = _successor(old, now)
    until = now + overlap
    old.expires_at = min(until, old.expires_at or until)
    old.replaced_by = issued.key
    old.save(update_fields=["expires_at", "replaced_by"])
    _close_here(old.digest)
    return issued


def revoke(key: ApiKey, *, now: datetime) -> None:
    """The key opens nothing from now on. Raises KeyClosed when it is revoked already."""
    if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
        raise errors.KeyClosed
    _close_here(key.digest)
    key.refresh_from_db(fields=["revoked_at"])


def change(key: ApiKey, **properties: Unpack[Properties]) -> None:
    """Set the given properties of a key, and only these. Raises InvalidKey."""
    _set(key, properties)
    key.save(update_fields=list(properties))
    _close_here(key.digest)


def digest_of(secret: str) -> str:
    """SHA-256 in hex. No salt and no stretching: the secret has 128 random bits or more."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def forget_cached() -> None:
    """Make this process read every key anew."""
    _read.clear()
    _noted.clear()


def _build(account: Account, secret: str, name: str, now: datetime) -> ApiKey:
    return ApiKey(
        account=account, name=name, prefix=secret[:PREFIX_LENGTH], digest=digest_of(secret), created_at=now
    )


def _successor(old: ApiKey, now: datetime) -> Issued:
    secret = secrets.token_hex(20)
    key = _build(old.account, secret, old.name, now)
    for field in ("scopes", "allowed_ips", "allowed_sender_domains", "requests_per_minute", "wire_settings"):
        setattr(key, field, getattr(old, field))
    key.user_id = old.user_id
    key.expires_at = now + (old.expires_at - old.created_at) if old.expires_at else None
    key.save(force_insert=True)
    return Issued(key, secret)


def _set(key: ApiKey, properties: Restrictions | Properties) -> None:
    for column, value in key_restrictions.checked(properties).items():
        setattr(key, column, value)


def _look_up(digest: str, now: datetime) -> _Read:
    key = ApiKey.objects.usable(now).select_related("account").filter(digest=digest).first()
    if key is None:
        _close_here(digest)
        raise errors.UnknownKey
    if len(_read) >= _MOST_CACHED:
        _read.clear()
    read = _read[digest] = _Read(
        key.pk, _credential_of(key), key_restrictions.networks_of(key.allowed_ips), key.expires_at, now
    )
    return read


def _is_staff(key: ApiKey) -> bool:
    if key.user_id is None:
        return Scope.MANAGE in key.scopes
    return Membership.objects.filter(user=key.user_id, account=key.account_id, role=Role.STAFF).exists()


def _credential_of(key: ApiKey) -> Credential:
    return Credential(
        key_id=key.pk,
        prefix=key.prefix,
        account_id=key.account_id,
        account_slug=key.account.slug,
        scopes=frozenset(key.scopes),
        allowed_sender_domains=frozenset(key.allowed_sender_domains),
        requests_per_minute=key.requests_per_minute,
        user_id=key.user_id,
        is_staff=_is_staff(key),
        wire_settings=key.wire_settings,
    )


def _close_here(digest: str) -> None:
    _read.pop(digest, None)


@functools.lru_cache(maxsize=4096)
def _is_inside(ip: str, allowed: tuple[Network, ...]) -> bool:
    try:
        return networks.within(ip, allowed)
    except ValueError:
        return False


def _note_use(key_id: int, now: datetime) -> None:
    noted_at = _noted.get(key_id)
    if noted_at is not None and now - noted_at < USE_NOTED_EVERY:
        return
    _noted[key_id] = now
    stale = models.Q(last_used_at=None) | models.Q(last_used_at__lte=now - USE_NOTED_EVERY)
    try:
        with transaction.atomic():
            ApiKey.objects.filter(stale, pk=key_id).update(last_used_at=now)
    except DatabaseError:
        # A request is worth more than a note that it came.
        log.warning("The use of a key could not be noted", extra={"key_id": key_id})
