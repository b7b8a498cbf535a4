"""Secrets at rest, sealed by the ring EARWIG_KEYS; and hashes keyed by EARWIG_SENDER_SALT, which
outlive a rotation of the ring.
"""

from __future__ import annotations

import functools
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from earwig import addresses, errors

_ADDRESS = "address"


def seal(text: str) -> str:
    """A Fernet token of `text`, made with the first key of the ring."""
    return _ring(tuple(settings.EARWIG_KEYS)).encrypt(text.encode()).decode()


def unseal(token: str) -> str:
    """What was sealed, by whichever key of the ring. Raises Unsealable."""
    try:
        return _ring(tuple(settings.EARWIG_KEYS)).decrypt(token.encode()).decode()
    except InvalidToken:
        raise errors.Unsealable from None


def token_of(purpose: str, text: str, length: int = 32) -> str:
    """The first `length` hex digits (64 at most) of a keyed hash that differs from purpose to purpose."""
    key = _derived(settings.EARWIG_SENDER_SALT, purpose)
    return hmac.digest(key, text.encode(), "sha256").hex()[:length]


def signing_keys(purpose: str) -> list[bytes]:
    """256 bits for a purpose from every key of the ring: the first signs, all are good to check."""
    return [_derived(key, purpose) for key in settings.EARWIG_KEYS]


def address_hash(email: str) -> str:
    """64 hex digits that all spellings of one mailbox share, and that say nothing without the salt."""
    # Keyed BLAKE2 (RFC 7693): a third of what HMAC costs, and delivery asks once a mail.
    key = _derived(settings.EARWIG_SENDER_SALT, _ADDRESS)
    return hashlib.blake2b(addresses.canonical(email).encode(), key=key, digest_size=32).hexdigest()


@functools.lru_cache(maxsize=8)
def _ring(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


@functools.lru_cache(maxsize=64)
def _derived(salt: str, purpose: str) -> bytes:
    # Extract, then expand for one purpose (RFC 5869 with one block).
    extracted = hmac.digest(b"earwig", salt.encode(), hashlib.sha256)
    return hmac.digest(extracted, purpose.encode() + b"\x01", hashlib.sha256)
