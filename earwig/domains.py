"""Sending domains: who may send from which, and their signing keys."""

from __future__ import annotations

import base64
import time
from datetime import datetime

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet

from earwig import addresses, errors, sealing
from earwig.models import Account, DkimKey, Domain
from earwig.models.domains import Algorithm

#: How long a process may go on trusting what it read of domains.
TRUSTED_SECONDS = 5.0
RSA_BITS = 2048
_MOST_CACHED = 10_000

PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

_rulings: dict[tuple[int, str], tuple[float, int | None]] = {}


def add(account: Account, *, name: str, now: datetime) -> Domain:
    """A domain of the account, its default if it is the first. One that was removed comes back with its keys.

    Raises InvalidDomain, DomainExists, DomainTaken.
    """
    name = addresses.canonical_domain(name.strip())
    if not addresses.is_domain(name):
        raise errors.InvalidDomain
    if _is_verified_elsewhere(account.pk, name):
        raise errors.DomainTaken
    first = not account.domains.filter(default=True).exists()
    removed = account.domains.filter(name=name, removed_at__isnull=False)
    try:
        with transaction.atomic():
            if removed.update(removed_at=None, default=first, draft_addresses=[]):
                domain = account.domains.get(name=name)
            else:
                domain = Domain.objects.create(account=account, name=name, default=first, created_at=now)
    except IntegrityError:
        raise errors.DomainExists from None
    forget_cached()
    return domain


@transaction.atomic
def add_signed(account: Account, *, name: str, now: datetime) -> Domain:
    """As `add`, with an RSA key that signs, unless it came back with one."""
    domain = add(account, name=name, now=now)
    if not domain.dkim_keys.filter(algorithm=Algorithm.RSA, active=True).exists():
        selector = next_selector(domain, algorithm=Algorithm.RSA, now=now)
        make_key(domain, algorithm=Algorithm.RSA, selector=selector, now=now)
    return domain


def find(account_id: int, name: str) -> Domain | None:
    """The account's domain of this name, however it is spelled; None where it was removed."""
    named = Domain.objects.filter(account=account_id, name=addresses.canonical_domain(name))
    return named.filter(removed_at=None).first()


def name_of(domain_id: int | None) -> str:
    """Empty where there is none, or none any more."""
    if domain_id is None:
        return ""
    return Domain.objects.filter(pk=domain_id).values_list("name", flat=True).first() or ""


@transaction.atomic
def remove(domain: Domain, *, now: datetime) -> None:
    """Give the domain up: nothing new is sent from it, and another account may own it. What waits is still signed.

    The oldest of the others becomes the default one in its place.
    """
    Domain.objects.filter(pk=domain.pk).update(removed_at=now, verified_at=None, default=False)
    others = Domain.objects.filter(account=domain.account_id, removed_at=None, disabled=False)
    if domain.default and (heir := others.order_by("id").first()):
        Domain.objects.filter(pk=heir.pk).update(default=True)
    domain.refresh_from_db()
    forget_cached()


def verify(domain: Domain, *, now: datetime) -> None:
    """The account is known to own the domain: no other may send from it. Raises DomainTaken."""
    if _is_verified_elsewhere(domain.account_id, domain.name):
        raise errors.DomainTaken
    unverified = Domain.objects.filter(pk=domain.pk, verified_at=None, removed_at=None)
    try:
        with transaction.atomic():
            unverified.update(verified_at=now)
    except IntegrityError:
        raise errors.DomainTaken from None
    domain.refresh_from_db(fields=["verified_at"])
    forget_cached()


def sending_domain(account_id: int, from_email: str) -> int | None:
    """The id of the account's own domain that signs for this author, None where any domain is free to it.

    An account without domains, or with that policy, sends from any but what another account has verified.
    A change is seen within 5 s. Raises DomainNotAllowed.
    """
    name = addresses.domain_of(from_email)
    ruling = _rulings.get((account_id, name))
    if ruling is None or time.monotonic() - ruling[0] > TRUSTED_SECONDS:
        if len(_rulings) >= _MOST_CACHED:
            _rulings.clear()
        ruling = _rulings[account_id, name] = (time.monotonic(), _rule(account_id, name))
    return ruling[1]


def signing_domain(account_id: int, from_email: str) -> int:
    """The id of the account's domain that signs for this author: the author's own, else the account's default one.

    Raises DomainNotAllowed where neither may be used, and for what another account has verified.
    """
    name = addresses.domain_of(from_email)
    usable = Domain.objects.filter(account=account_id, removed_at=None, disabled=False)
    found = list(usable.filter(Q(name=name) | Q(default=True)))
    # Its own before the default one.
    signs = min(found, key=lambda domain: domain.name != name, default=None)
    if signs is None or (
        (signs.name != name or not signs.verified_at) and _is_verified_elsewhere(account_id, name)
    ):
        raise errors.DomainNotAllowed
    return signs.pk


@transaction.atomic
def make_key(domain: Domain, *, algorithm: str, selector: str, now: datetime) -> DkimKey:
    """A key pair: RSA-2048 or Ed25519. The first of its algorithm signs at once; a later one waits for
    `rotate_key`, so that its record can be published before. Ed25519 needs RSA beside it.

    Raises DkimKeyRefused.
    """
    if domain.dkim_keys.filter(selector=selector).exists():
        raise errors.DkimKeyRefused("The domain has this selector already.")
    active = set(domain.dkim_keys.filter(active=True).values_list("algorithm", flat=True))
    if algorithm == Algorithm.ED25519 and Algorithm.RSA not in active:
        raise errors.DkimKeyRefused("An Ed25519 key signs only beside an RSA key.")
    private, record = key_pair(algorithm)
    return DkimKey.objects.create(
        domain=domain,
        selector=selector,
        algorithm=algorithm,
        private_key_sealed=sealing.seal(private),
        public_record=record,
        active=algorithm not in active,
        created_at=now,
    )


def waiting_keys(domain: Domain) -> list[DkimKey]:
    """Keys that `rotate_key` would put in the place of an older one: the newest of each algorithm."""
    newest = {key.algorithm: key for key in domain.dkim_keys.order_by("created_at", "id")}
    return [key for key in newest.values() if not key.active]


@transaction.atomic
def rotate_key(key: DkimKey) -> None:
    """The waiting key signs from now on, the present one of its algorithm no more. Raises DkimKeyRefused."""
    rivals = DkimKey.objects.filter(domain=key.domain_id, algorithm=key.algorithm, active=True)
    if rivals.filter(pk=key.pk).exists():
        raise errors.DkimKeyRefused("The key signs already.")
    rivals.update(active=False)
    DkimKey.objects.filter(pk=key.pk).update(active=True)
    key.refresh_from_db(fields=["active"])


def next_selector(domain: Domain, *, algorithm: str, now: datetime) -> str:
    """A selector that the domain has not used: the day, `e` for Ed25519, a number from the second on."""
    stem = f"ew{now:%Y%m%d}" + ("e" if algorithm == Algorithm.ED25519 else "")
    used = set(domain.dkim_keys.values_list("selector", flat=True))
    candidates = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(used) + 2))
    return next(candidate for candidate in candidates if candidate not in used)


def signing_keys(domain_id: int, *, now: datetime) -> tuple[tuple[str, str, bytes, str], ...]:
    """(domain name, selector, PKCS #8 PEM, algorithm) of each key that signs at this moment, RSA first.

    A key with a time of its own signs in it, in the place of the active one of its algorithm. Raises Unsealable.
    """
    keys = DkimKey.objects.filter(domain=domain_id).filter(_SIGNS).filter(_begun(now), _not_over(now))
    chosen: dict[str, DkimKey] = {}
    for key in keys.select_related("domain").order_by(F("starts_at").asc(nulls_first=True), "id"):
        present = chosen.get(key.algorithm)
        if present is None or key.has_time or not present.has_time:
            chosen[key.algorithm] = key
    return tuple(
        (key.domain.name, key.selector, sealing.unseal(key.private_key_sealed).encode(), key.algorithm)
        for key in sorted(chosen.values(), key=lambda key: key.algorithm != Algorithm.RSA)
    )


_SIGNS = Q(active=True) | Q(starts_at__isnull=False) | Q(ends_at__isnull=False)


def _begun(now: datetime) -> Q:
    return Q(starts_at=None) | Q(starts_at__lte=now)


def _not_over(now: datetime) -> Q:
    return Q(ends_at=None) | Q(ends_at__gt=now)


def scheduled_keys(domain: Domain, *, now: datetime) -> QuerySet[DkimKey]:
    """Keys with a time of their own that is not over: they sign, or will."""
    timed = Q(starts_at__isnull=False) | Q(ends_at__isnull=False)
    return domain.dkim_keys.filter(timed).filter(_not_over(now))


def forget_cached() -> None:
    """Make this process read every domain anew."""
    _rulings.clear()


def _rule(account_id: int, name: str) -> int | None:
    own = {domain.name: domain for domain in Domain.objects.filter(account=account_id, removed_at=None)}
    mine = own.get(name)
    if mine is not None and mine.disabled:
        raise errors.DomainNotAllowed
    if (mine is None or mine.verified_at is None) and _is_verified_elsewhere(account_id, name):
        raise errors.DomainNotAllowed
    if mine is not None:
        return mine.pk
    if own and not Account.objects.filter(pk=account_id, any_from_domain=True).exists():
        raise errors.DomainNotAllowed
    return None


def require_free(account_id: int, email: str) -> None:
    """Raises DomainNotAllowed where another account has verified the address's domain."""
    if _is_verified_elsewhere(account_id, addresses.domain_of(email)):
        raise errors.DomainNotAllowed


def _is_verified_elsewhere(account_id: int, name: str) -> bool:
    """Whether another account has verified the domain or one above it."""
    labels = name.split(".")
    names = [".".join(labels[start:]) for start in range(len(labels))]
    return (
        Domain.objects.filter(name__in=names, verified_at__isnull=False).exclude(account=account_id).exists()
    )


def key_pair(algorithm: str) -> tuple[str, str]:
    """A new private key as PKCS #8 PEM, and the TXT record of its public half (RFC 6376 §3.6.1, RFC 8463 §4)."""
    return _KEY_PAIRS[Algorithm(algorithm)]()


def written(key: PrivateKey) -> tuple[str, str]:
    """A private key as PKCS #8 PEM, and the TXT record of its public half."""
    public = key.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        name, data = "ed25519", public.public_bytes_raw()
    else:
        name = "rsa"
        data = public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    return _pem(key), f"v=DKIM1; k={name}; p={base64.b64encode(data).decode()}"


def _rsa_pair() -> tuple[str, str]:
    return written(rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS))


def _ed25519_pair() -> tuple[str, str]:
    return written(ed25519.Ed25519PrivateKey.generate())


def _pem(key: PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


_KEY_PAIRS = {Algorithm.RSA: _rsa_pair, Algorithm.ED25519: _ed25519_pair}
