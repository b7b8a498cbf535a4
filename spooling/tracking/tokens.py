"""Tokens of tracked links: which mail, which link. Signed; one that holds a recipient's own target is sealed instead."""

from __future__ import annotations

import binascii
import functools
import hashlib
import hmac
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings

from spooling import errors

_SIGNING, _SEALING = "tracked link", "target of a tracked link"
#: Kind, mail, number of the link.
_FIELDS = struct.Struct(">cQH")
_MAC_BYTES = 10
#: Of a token that `sign` makes.
SIGNED_CHARACTERS = (_FIELDS.size + _MAC_BYTES) // 3 * 4
#: Kind and mail, before a sealed target.
_HEAD = struct.Struct(">cQ")
_TO_URL = bytes.maketrans(b"+/", b"-_")
#: Octets of the longest target that a token holds: gunicorn and old proxies take request lines of 4 KiB.
LONGEST_SEALED = 2_800
_LONGEST = 4_000

#: From the kind, the mail and the link's number to a token.
Sign = Callable[[bytes, int, int], str]


class Token(NamedTuple):
    """Kind is one letter, as in the path. Number 0: the link has no target, or the one in `target`."""

    kind: bytes
    mail_id: int
    number: int = 0
    target: str = ""


def sign(kind: bytes, mail_id: int, number: int) -> str:
    """The token of a link whose target is stored, or that has none. 28 characters."""
    return signer()(kind, mail_id, number)


def signer() -> Sign:
    """`sign` under the key that is the ring's first now, for many links: to look it up took half of each one's time."""
    keyed = _signers(tuple(settings.EARWIG_KEYS))[0]

    def signed(kind: bytes, mail_id: int, number: int) -> str:
        packed = _FIELDS.pack(kind, mail_id, number)
        mac = keyed.copy()
        mac.update(packed)
        return binascii.b2a_base64(packed + mac.digest(), newline=False).translate(_TO_URL).decode("ascii")

    return signed


def seal(kind: bytes, mail_id: int, target: str) -> str:
    """The token that holds its target, of LONGEST_SEALED octets at most; the same for the same link of the same mail."""
    data = _HEAD.pack(kind, mail_id) + target.encode("utf-8", "replace")
    sealed = _sealers(tuple(settings.EARWIG_KEYS))[0].encrypt(data, None)
    encoded = binascii.b2a_base64(sealed, newline=False).translate(_TO_URL)
    return encoded.rstrip(b"=").decode("ascii")


def read(text: str, kind: bytes) -> Token:
    """What `sign` or `seal` was given for a link of this kind, under any key of the ring. Raises LinkUnknown."""
    data = _decoded(text)
    token = _signed(data) if len(text) == SIGNED_CHARACTERS else _sealed(data)
    if token is None or token.kind != kind:
        raise errors.LinkUnknown
    return token


def _decoded(text: str) -> bytes:
    if not (len(text) <= _LONGEST and text.isascii()):
        raise errors.LinkUnknown
    try:
        return binascii.a2b_base64(
            (text + "=" * (-len(text) % 4)).replace("-", "+").replace("_", "/"), strict_mode=True
        )
    except binascii.Error:
        raise errors.LinkUnknown from None


def _signed(data: bytes) -> Token | None:
    packed, given = data[: _FIELDS.size], data[_FIELDS.size :]
    for signer in _signers(tuple(settings.EARWIG_KEYS)):
        mac = signer.copy()
        mac.update(packed)
        if hmac.compare_digest(mac.digest(), given):
            return Token(*_FIELDS.unpack(packed))
    return None


def _sealed(data: bytes) -> Token | None:
    for sealer in _sealers(tuple(settings.EARWIG_KEYS)):
        try:
            opened = sealer.decrypt(data, None)
        except (InvalidTag, ValueError):
            continue
        kind, mail_id = _HEAD.unpack_from(opened)
        return Token(kind, mail_id, target=opened[_HEAD.size :].decode())
    return None


@functools.lru_cache(maxsize=8)
def _signers(ring: tuple[str, ...]) -> list[Any]:
    return [hashlib.blake2b(key=_derived(key, _SIGNING), digest_size=_MAC_BYTES) for key in ring]


@functools.lru_cache(maxsize=8)
def _sealers(ring: tuple[str, ...]) -> list[AESSIV]:
    return [AESSIV(_derived(key, _SEALING)) for key in ring]


def _derived(key: str, purpose: str) -> bytes:
    """64 bytes of a key of the ring, for one purpose."""
    return hashlib.blake2b(purpose.encode(), key=hashlib.sha512(key.encode()).digest()).digest()
