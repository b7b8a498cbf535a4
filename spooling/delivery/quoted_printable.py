"""Texts of complete messages in quoted-printable (RFC 2045 §6.7). Pure."""

from __future__ import annotations

import binascii
from collections.abc import Iterator

#: Octets that are encoded together.
_BLOCK = 256 * 1024


def quoted(data: bytes) -> bytes:
    """In quoted-printable, lines and all; nothing that a server on the way would change."""
    return b"".join(_quoted(lines) for lines in _in_blocks(data))


def _in_blocks(data: bytes) -> Iterator[bytes]:
    """Some lines at a time: all of a large text would take fifty times its memory."""
    place = 0
    while (end := data.find(b"\r\n", place + _BLOCK)) >= 0:
        yield data[place : end + 2]
        place = end + 2
    yield data[place:]


def _quoted(block: bytes) -> bytes:
    lines = block.split(b"\r\n")
    encoded = (binascii.b2a_qp(line, istext=False).replace(b"\n", b"\r\n") for line in lines)
    return b"\r\n".join(line.replace(b"\r\n.", b"\r\n=2E") for line in encoded)
