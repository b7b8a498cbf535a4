"""Sending domains: who may send from which, their signing keys, what to publish in DNS."""

from __future__ import annotations

import base64
import dataclasses
import time
from datetime import datetime

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from django.db import IntegrityError, transaction

from earwig import addresses, errors, sealing
from earwig.models import Account, DkimKey, Domain
from earwig.models.domains import Algorithm

#: How long a process may go on trusting what it read of domains.
TRUSTED_SECONDS = 5.0
RSA_BITS = 2048
_MOST_CACHED = 10_000

_rulings: dict[tuple[int, str], tuple[float, int | None]] = {}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One DNS record to publish."""

    name: str
    type: str
    value: str

    def zone_line(self) -> str:
        """As a zone file has it: strings of 255 characters at most (RFC 1035 §3.3.14)."""
        parts = [self.value[start : start + 255] for start in range(0, len(self.value), 255)]
        return f"{self.name}. {self.type} " + " ".join(f'"{part}"' for part in parts)  # noqa: B907


def add(account: Account, *, name: str, now: datetime) -> Domain:
    """A domain of the account, its default if it is the first.

    Raises InvalidDomain, DomainExists, DomainTaken.
    """
    name = addresses.canonical_domain(name.strip())
    if not addresses.is_domain(name):
        raise errors.InvalidDomain
    if _is_verified_elsewhere(account.pk, name):
        raise errors.DomainTaken
    first = not account.domains.filter(default=True).exists()
    try:
        with transaction.atomic():
            domain = Domain.objects.create(account=account, name=name, default=first, created_at=now)
    except IntegrityError:
        raise errors.DomainExists from None
    forget_cached()
    return domain


def verify(domain: Domain, *, now: datetime) -> None:
    """The account is known to own the domain: no other may send from it. Raises DomainTaken."""
    if _is_verified_elsewhere(domain.account_id, domain.name):
        raise errors.DomainTaken
    Domain.objects.filter(pk=domain.pk, verified_at=None).update(verified_at=now)
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


def signing_keys(domain_id: int) -> tuple[tuple[str, str, bytes, str], ...]:
    """(domain name, selector, PKCS #8 PEM, algorithm) of each active key, RSA first. Raises Unsealable."""
    keys = DkimKey.objects.filter(domain=domain_id, active=True).select_related("domain")
    return tuple(
        (key.domain.name, key.selector, sealing.unseal(key.private_key_sealed).encode(), key.algorithm)
        for key in sorted(keys, key=lambda key: key.algorithm != Algorithm.RSA)
    )


def records(domain: Domain) -> list[Record]:
    """What the owner publishes: each key's TXT record, and a policy that asks for nothing (RFC 7489)."""
    published = [
        Record(name=f"{key.selector}._domainkey.{domain.name}", type="TXT", value=key.public_record)
        for key in domain.dkim_keys.order_by("-active", "selector")
    ]
    return [*published, Record(name=f"_dmarc.{domain.name}", type="TXT", value="v=DMARC1; p=none")]


def forget_cached() -> None:
    """Make this process read every domain anew."""
    _rulings.clear()


def _rule(account_id: int, name: str) -> int | None:
    own = {domain.name: domain for domain in Domain.objects.filter(account=account_id)}
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


def _rsa_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return _pem(key), f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


def _ed25519_pair() -> tuple[str, str]:
    key = ed25519.Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    return _pem(key), f"v=DKIM1; k=ed25519; p={base64.b64encode(public).decode()}"


def _pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


_KEY_PAIRS = {Algorithm.RSA: _rsa_pair, Algorithm.ED25519: _ed25519_pair}
