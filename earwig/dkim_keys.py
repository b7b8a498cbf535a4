"""Signing keys that the owner of a domain brings along, or has sign in a time of their own."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from django.db import transaction

from earwig import domains, errors, sealing
from earwig.domain_settings import MOST_KEYS
from earwig.models import DkimKey, Domain
from earwig.models.domains import Algorithm

#: Bits of an RSA key: receivers refuse shorter ones (RFC 8301 §3.2), and a longer one's record.
RSA_BITS = range(1024, 4097)
#: Characters of a private key.
LONGEST_PEM = 16_000
_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A key as its owner wants it. Without `pem` one is made; `always`: it signs from now on."""

    selector: str
    pem: str = field(default="", repr=False)
    always: bool = False
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@transaction.atomic
def put(domain: Domain, wanted: Wanted, *, now: datetime) -> DkimKey:
    """The domain's key of this selector, new or with another time. One without a time signs at once if it is the first
    of its algorithm or `always`; else it waits, so that its record can be published before.

    Raises DkimKeyRefused.
    """
    _require_time(wanted)
    held = Domain.objects.select_for_update().get(pk=domain.pk)
    key = held.dkim_keys.filter(selector=wanted.selector).first()
    if key is not None and wanted.pem:
        raise errors.DkimKeyRefused("The domain has this selector already.")
    if key is None:
        key = _add(held, wanted, now)
    key.starts_at, key.ends_at = wanted.starts_at, wanted.ends_at
    key.save(update_fields=["starts_at", "ends_at"])
    if wanted.always and not key.active:
        domains.rotate_key(key)
    return key


@transaction.atomic
def remove(key: DkimKey) -> None:
    """Delete a key; where it signs, the newest other one of its algorithm signs from now on.

    Raises DkimKeyRefused where there is none: mail would go out unsigned.
    """
    others = DkimKey.objects.filter(domain=key.domain_id, algorithm=key.algorithm).exclude(pk=key.pk)
    heir = others.filter(starts_at=None, ends_at=None).order_by("-created_at", "-id").first()
    if key.active and heir is None:
        raise errors.DkimKeyRefused("No other key could sign in its place.")
    if key.active and heir is not None:
        domains.rotate_key(heir)
    key.delete()


def public_pem(key: DkimKey) -> str:
    """The public half, as its record has it."""
    data = base64.b64decode(key.public_record.rpartition("p=")[2])
    if key.algorithm == Algorithm.ED25519:
        return _public_pem(ed25519.Ed25519PublicKey.from_public_bytes(data))
    public = serialization.load_der_public_key(data)
    assert isinstance(public, rsa.RSAPublicKey)
    return _public_pem(public)


def _public_pem(public: rsa.RSAPublicKey | ed25519.Ed25519PublicKey) -> str:
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def _require_time(wanted: Wanted) -> None:
    if not _SELECTOR.fullmatch(wanted.selector):
        raise errors.DkimKeyRefused("A selector has 1 to 63 letters, digits and hyphens.")
    if wanted.always and (wanted.starts_at or wanted.ends_at):
        raise errors.DkimKeyRefused("A key signs always, or in a time of its own.")
    if wanted.starts_at and wanted.ends_at and wanted.ends_at <= wanted.starts_at:
        raise errors.DkimKeyRefused("Its time ends before it begins.")


def _add(domain: Domain, wanted: Wanted, now: datetime) -> DkimKey:
    if domain.dkim_keys.count() >= MOST_KEYS:
        raise errors.DkimKeyRefused(f"The domain has {MOST_KEYS} keys already.")
    algorithm, private, record = _pair(wanted.pem)
    active = set(domain.dkim_keys.filter(active=True).values_list("algorithm", flat=True))
    if algorithm == Algorithm.ED25519 and Algorithm.RSA not in active:
        raise errors.DkimKeyRefused("An Ed25519 key signs only beside an RSA key.")
    has_time = wanted.starts_at is not None or wanted.ends_at is not None
    return DkimKey.objects.create(
        domain=domain,
        selector=wanted.selector,
        algorithm=algorithm,
        private_key_sealed=sealing.seal(private),
        public_record=record,
        active=not has_time and algorithm not in active,
        created_at=now,
    )


def _pair(pem: str) -> tuple[str, str, str]:
    """Algorithm, PKCS #8 PEM and record of the key that was brought, or of a new RSA key. Raises DkimKeyRefused."""
    if not pem:
        return (Algorithm.RSA, *domains.key_pair(Algorithm.RSA))
    try:
        if len(pem) > LONGEST_PEM:
            raise ValueError
        private = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise errors.DkimKeyRefused("The private key cannot be read: PEM without a password.") from None
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return (Algorithm.ED25519, *domains.written(private))
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size in RSA_BITS:
        return (Algorithm.RSA, *domains.written(private))
    raise errors.DkimKeyRefused("A key is RSA of 1,024 to 4,096 bits, or Ed25519.")
