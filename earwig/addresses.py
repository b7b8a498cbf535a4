"""Mail addresses and domain names in canonical form. Pure."""

from __future__ import annotations

import re
import unicodedata

import idna

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+(?![0-9]+\Z){_LABEL}\Z")


def canonical(email: str) -> str:
    """The address that two spellings of one mailbox share: case-folded, the domain as A-labels (RFC 5890)."""
    local, at, domain = email.rpartition("@")
    if local.isascii():
        return local.lower() + at + canonical_domain(domain)
    return unicodedata.normalize("NFC", local.casefold()) + at + canonical_domain(domain)


def domain_of(email: str) -> str:
    """What follows the last `@`, canonical; empty where there is none."""
    _, at, domain = email.rpartition("@")
    return canonical_domain(domain) if at else ""


def canonical_domain(name: str) -> str:
    """Lower case, A-labels, no final dot. What IDNA refuses is only case-folded, so it still compares."""
    name = name.removesuffix(".")
    if name.isascii():
        return name.lower()
    try:
        return idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        return name.casefold()


def is_domain(name: str) -> bool:
    """Whether a canonical name is a host name of two labels or more, of 253 characters at most, the last one no number
    (RFC 1123).
    """
    return _HOST.match(name) is not None
