"""Where links lead, and what is suspicious about it. Pure: nothing is looked up."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import idna

#: Addresses in a text part that are looked at, and the longest of them.
MOST_IN_TEXT = 2_000
LONGEST = 2_000

#: They hide where a link leads, and are listed for others' mail as soon as spammers use them.
SHORTENERS = frozenset(
    "bit.ly bitly.com buff.ly cutt.ly goo.gl is.gd lnkd.in ow.ly rb.gy rebrand.ly s.id shorturl.at "
    "soo.gd t.co t.ly tiny.cc tinyurl.com v.gd".split()
)
_PORTS = {"http": 80, "https": 443}
#: Labels under which registries of two-letter domains give names.
_SECOND = frozenset("ac co com edu gob gov gouv go mil ne net nom or org".split())
#: Letters of other scripts that pass for Latin ones (Unicode UTS 39, the ones of domain names).
_LOOKALIKES = frozenset("ӏаеорсухіјѕһԁԛԝьѵɡοαεικνρτυχγ")
_PLACEHOLDER = re.compile(r"\{\{\s*(?:click|unsubscribe)\s*:(.*)\}\}", re.DOTALL)
_IN_TEXT = re.compile(r"\bhttps?://[^\s<>\"'{}]++", re.IGNORECASE)
_SHOWN = re.compile(
    r"(?:(https?)://|www\.)?((?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24})(?=[/:?#\s]|\Z)", re.IGNORECASE
)
#: Ends of names of files, which are no names of hosts.
_FILES = frozenset("csv doc docx gif htm html jpeg jpg pdf png txt xls xlsx xml zip".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A web address; `host` in lower case."""

    scheme: str
    host: str
    port: int | None
    has_user: bool


def parsed(target: str) -> Address | None:
    """The address that a target is, or that its placeholder tracks; None where it is another thing or has
    its host from a placeholder.
    """
    wrapped = _PLACEHOLDER.fullmatch(target)
    target = (wrapped[1] if wrapped else target).strip()[:LONGEST]
    try:
        parts = urlsplit(target)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not host or "{" in host:
        return None
    return Address(scheme=parts.scheme, host=host, port=port, has_user=parts.username is not None)


def in_text(text: str) -> list[str]:
    """The web addresses in a plain text."""
    found = (match[0] for match in _IN_TEXT.finditer(text))
    return [target for target, _ in zip(found, range(MOST_IN_TEXT), strict=False)]


def disagrees(shown: str, target: str) -> bool:
    """Whether a link shows the name of one site and leads to another's."""
    led = parsed(target)
    named = _SHOWN.match(shown[:LONGEST])
    if led is None or named is None or named[2].rpartition(".")[2].lower() in _FILES:
        return False
    return _site(_ascii(named[2].lower())) != _site(_ascii(led.host))


def is_literal(address: Address) -> bool:
    """Whether the host is an IP address, also written as one number."""
    try:
        ipaddress.ip_address(address.host)
    except ValueError:
        return re.fullmatch(r"[0-9.]+|0x[0-9a-f.x]+", address.host) is not None
    return True


def is_short(address: Address) -> bool:
    """Whether a service for short links hides where it leads."""
    return address.host.removeprefix("www.") in SHORTENERS


def is_odd_port(address: Address) -> bool:
    """Whether the port is another than the scheme's."""
    return address.port is not None and address.port != _PORTS[address.scheme]


def is_lookalike(address: Address) -> bool:
    """Whether a label mixes scripts, or could be read as another in Latin letters."""
    return any(_deceives(_unicode(label)) for label in address.host.split("."))


def _deceives(label: str) -> bool:
    letters = [letter for letter in label if letter.isalpha() and not letter.isascii()]
    foreign = [letter for letter in letters if _script(letter) in ("CYRILLIC", "GREEK")]
    if not foreign:
        return False
    latin = any(letter.isalpha() and _script(letter) == "LATIN" for letter in label)
    return latin or _LOOKALIKES.issuperset(foreign)


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def _unicode(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label


def _ascii(host: str) -> str:
    try:
        return host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return host


def _site(host: str) -> str:
    """What was registered, as well as it is known without the public suffix list."""
    labels: Sequence[str] = host.removeprefix("www.").split(".")
    second_level = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND
    return ".".join(labels[-3:] if second_level else labels[-2:])
