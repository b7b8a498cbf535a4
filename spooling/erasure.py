"""Finds an address or a name in text and data, and puts `[erased]` in its place. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from spooling import unicode_addresses

ERASED = "[erased]"

#: What may stand before an address that ends with these characters but is not it: `xa@b.org` is not
#: `a@b.org`. An escape of a link (%3D) or of quoted-printable (=3D) may.
_BEFORE = r"(?:(?<![\w.+-])|(?<=%[0-9A-Fa-f]{2})|(?<==[0-9A-F]{2}))"
_AFTER = r"(?![\w-]|\.\w)"
_RUN = re.compile(r"[A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Erasure:
    """Takes some words out of whatever it is given."""

    patterns: tuple[re.Pattern[str], ...]

    def text(self, value: str) -> str:
        for pattern in self.patterns:
            value = pattern.sub(ERASED, value)
        return value

    def data(self, value: Any) -> Any:
        """The same for what JSON holds, keys too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.data(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.data(inner) for inner in value]
        return value

    def mailboxes(self, value: list[list[str]]) -> list[list[str]]:
        """[[name, address], …] without those whose address goes: what is left can still be mailed."""
        return [[self.text(name), email] for name, email in value if self.text(email) == email]


def of_addresses(emails: Iterable[str]) -> Erasure:
    """Exact occurrences of the addresses, in any letter case, also as links, HTML and reports write them."""
    spellings = {form for email in emails for form in _spellings(email)}
    # An address that begins another one comes after it.
    forms = "|".join(re.escape(form) for form in sorted(spellings, key=len, reverse=True))
    return Erasure((re.compile(f"{_BEFORE}(?:{forms}){_AFTER}", re.IGNORECASE),) if forms else ())


def _spellings(email: str) -> tuple[str, ...]:
    numbered = () if email.isascii() else (unicode_addresses.numbered(email),)
    return (email, quote(email, safe=""), quote(email), html.escape(email), *numbered)


def of_person(email: str, name: str) -> Erasure:
    """The address, and the name as whole words: for what the person wrote or was written about."""
    patterns = of_addresses([email]).patterns
    if any(character.isalnum() for character in name):
        spaced = r"\s+".join(re.escape(word) for word in name.split())
        patterns += (re.compile(rf"(?<!\w){spaced}(?!\w)"),)
    return Erasure(patterns)


def needles(email: str) -> tuple[str, ...]:
    """What every spelling of the address holds: letters and digits that no encoding changes."""
    local, _, domain = email.rpartition("@")
    runs = (max(_RUN.findall(part), key=len, default="") for part in (local, domain))
    return tuple(run for run in runs if run)
