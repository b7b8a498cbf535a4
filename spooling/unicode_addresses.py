"""Addresses of type utf-8 in printable ASCII, others' characters as their numbers (RFC 6533 §3). Pure."""

from __future__ import annotations

import re

#: What stands for itself.
_ALL_BUT_PLAIN = re.compile(r"[^!-*,-<>-\[\]-~]")
_NUMBERED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")


def numbered(address: str) -> str:
    """As servers take it that know nothing but ASCII."""
    return _ALL_BUT_PLAIN.sub(lambda found: f"\\x{{{ord(found[0]):02X}}}", address)


def plain(text: str) -> str:
    """The address, however it is written; numbers of no character are nothing."""
    return _NUMBERED.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    number = int(found[1], 16)
    return chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else ""
