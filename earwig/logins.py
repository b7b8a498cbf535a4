"""Names and passwords of users, for programs that have no key: checked, remembered for a minute, slow to guess."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import threading
from datetime import datetime, timedelta
from typing import NamedTuple, Self

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, check_password, make_password
from django.contrib.auth.models import User

from earwig import errors, rates
from earwig.credentials import Credential
from earwig.models import Membership
from earwig.models.accounts import Role
from earwig.models.api_keys import Scope

#: How long a right password is not hashed again. Whether the user may still come in is looked up each time.
REMEMBERED = timedelta(seconds=60)
#: Wrong answers a minute, from one address: for one user, and for all.
WRONG_FOR_USER, WRONG_FROM_ADDRESS = 10, 60
_MOST_REMEMBERED = 10_000

#: Of this process alone, so what it remembers cannot be tried out elsewhere.
_key = secrets.token_bytes(32)
_right: dict[bytes, datetime] = {}
_lock = threading.Lock()


class Guesses(NamedTuple):
    """Wrong passwords of the running minute, from one address."""

    of_user: str
    of_address: str
    minute: int

    @classmethod
    def of(cls, who: str, *, ip: str, now: datetime) -> Self:
        """Those for `who`, whose words are hashed: nobody's own stand in a cache's key."""
        of_address = f"login:{origin(ip)}"
        digest = hashlib.sha256(who.encode("utf-8", "surrogatepass")).hexdigest()
        return cls(f"{of_address}:{digest}", of_address, int(now.timestamp()) // rates.MINUTE_SECONDS)

    @property
    def too_many_for_user(self) -> bool:
        return rates.seen(self.of_user, minute=self.minute) >= WRONG_FOR_USER

    @property
    def too_many_from_address(self) -> bool:
        return rates.seen(self.of_address, minute=self.minute) >= WRONG_FROM_ADDRESS

    def note_wrong(self) -> None:
        rates.add(self.of_user, minute=self.minute)
        rates.add(self.of_address, minute=self.minute)


def authenticate(username: str, password: str, *, ip: str, now: datetime) -> Credential:
    """What a user may do: everything in the account of the user's oldest membership.

    Raises WrongLogin and TooManyLogins.
    """
    return credential_of(member(username, password, ip=ip, now=now))


def member(username: str, password: str, *, ip: str, now: datetime) -> Membership:
    """The oldest membership of the user of this name, or of this e-mail address if nobody has that name.

    An unknown name takes as long as a wrong password. A user in several accounts acts for the first one alone, also
    when that is inactive: nobody's mail is booked to another tenant because the first one was closed.
    Raises WrongLogin (also: no account, inactive user or account) and TooManyLogins.
    """
    oldest = _entrance(_user(username))
    # Nothing is tried of who may not come in anyway: a quicker answer would tell that the password is right.
    _guess(oldest.user if oldest else None, username, password, ip, now)
    if oldest is None:
        raise errors.WrongLogin
    return oldest


def credential_of(membership: Membership) -> Credential:
    """The user's own rights: all scopes, no key's restrictions."""
    return Credential(
        key_id=None,
        prefix="",
        account_id=membership.account_id,
        account_slug=membership.account.slug,
        scopes=frozenset(Scope.values),
        allowed_sender_domains=frozenset(),
        requests_per_minute=None,
        user_id=membership.user_id,
        is_staff=membership.role == Role.STAFF,
        wire_settings={},
    )


def forget_cached() -> None:
    """Make this process check every password anew."""
    _right.clear()
    rates.forget()


def _user(username: str) -> User | None:
    if not username or "\0" in username:
        return None
    with_password = get_user_model().objects.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    named = with_password.filter(username=username).first()
    if named:
        return named
    by_email = list(with_password.filter(email=username)[:2])
    return by_email[0] if len(by_email) == 1 else None


def _entrance(user: User | None) -> Membership | None:
    """The user's oldest membership, if user and account are active."""
    if user is None or not user.is_active:
        return None
    memberships = Membership.objects.filter(user=user).select_related("account", "user")
    oldest = memberships.order_by("id").first()
    return oldest if oldest and oldest.account.active else None


def _guess(user: User | None, username: str, password: str, ip: str, now: datetime) -> None:
    """One look at the password. The limit stands before what is remembered: else that would tell a right guess."""
    # One count for a user, whether the name or the e-mail address is tried.
    guesses = Guesses.of(f"user:{user.pk}" if user else f"name:{username}", ip=ip, now=now)
    if guesses.too_many_for_user:
        raise errors.TooManyLogins
    encoded = user.password if user else make_password(None)
    digest = hmac.digest(_key, f"{encoded}\0{password}".encode("utf-8", "surrogatepass"), "sha256")
    if _is_remembered(digest, now):
        return
    if guesses.too_many_from_address:
        raise errors.TooManyLogins
    if not check_password(password, encoded):
        guesses.note_wrong()
        raise errors.WrongLogin
    _remember(digest, now)


def origin(ip: str) -> str:
    """The address; of IPv6 the network of 64 bits, as all of it is one customer's (RFC 6177)."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv4Address):
        return ip
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, 64), strict=False).network_address)


def _is_remembered(digest: bytes, now: datetime) -> bool:
    until = _right.get(digest)
    return until is not None and now < until <= now + REMEMBERED


def _remember(digest: bytes, now: datetime) -> None:
    with _lock:
        if len(_right) >= _MOST_REMEMBERED:
            _right.clear()
        _right[digest] = now + REMEMBERED
