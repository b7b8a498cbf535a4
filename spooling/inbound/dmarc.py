"""Aggregate reports on DMARC (RFC 7489 §7.2 and appendix C): how receivers judged a domain's mail. Pure."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.parsers import expat

from earwig import addresses
from spooling.inbound import archives
from spooling.received import File, Received, printable

#: Elements of a report: those of some ten thousand servers.
MOST_ELEMENTS = 250_000
#: Files of one mail that are unpacked and read; a report is one.
_MOST_FILES = 2
_DEEPEST = 12
#: Octets of a report that are kept as they came; a longer one is counted and dropped, as a packed one is tiny.
MOST_KEPT = 1024 * 1024
#: Characters of an element's text.
_LONGEST = 1_000
_TYPES = re.compile(
    r"(?:application|text)/(?:x-)?(?:gzip|zip|zip-compressed|xml|gzip-compressed|octet-stream)"
)
_NAME = re.compile(r"\.(?:xml|xml\.gz|zip|gz)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one receiver saw in one span of time. `failed_spf` and `failed_dkim` count messages, as aligned."""

    domain: str
    organisation: str
    report_id: str
    email: str
    begins_at: datetime
    ends_at: datetime
    messages: int
    failed_spf: int
    failed_dkim: int
    xml: str


class _Refused(Exception):
    """It is no report, or one that would take too much."""


def report_in(received: Received) -> Report | None:
    """The report that a mail carries, packed or not; None where it has none that can be read."""
    for file in itertools.islice(filter(_is_candidate, received.files), _MOST_FILES):
        if (report := read(archives.unpack(file.data))) is not None:
            return report
    return read(received.text.encode()) if received.text.lstrip().startswith("<") else None


def read(xml: bytes) -> Report | None:
    """A report as XML; None for anything else, and for one with a document type: entities can be made to explode."""
    # Each start tag has one; counting them is quick.
    if xml.count(b"<") > 2 * MOST_ELEMENTS:
        return None
    reader = _Reader()
    try:
        reader.read(xml)
        return _report(reader, xml)
    except (expat.ExpatError, _Refused, ValueError, LookupError, OverflowError):
        return None


def _is_candidate(file: File) -> bool:
    return bool(_TYPES.fullmatch(file.type) or _NAME.search(file.name))


class _Reader:
    """The texts of a report's elements by their path, and what its records add up to."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.messages = self.failed_spf = self.failed_dkim = 0
        self._path: list[str] = []
        self._text: list[str] = []
        self._record: dict[str, str] = {}
        self._elements = self._characters = 0

    def read(self, xml: bytes) -> None:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._add
        parser.StartDoctypeDeclHandler = _refuse
        parser.EntityDeclHandler = _refuse
        parser.ExternalEntityRefHandler = _refuse
        parser.Parse(xml, True)

    def _start(self, name: str, _: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MOST_ELEMENTS or len(self._path) >= _DEEPEST:
            raise _Refused
        # Some reporters use a namespace (RFC 7489's successor does).
        self._path.append(name.rpartition(":")[2][:50])
        self._text, self._characters = [], 0

    def _add(self, text: str) -> None:
        if self._characters < _LONGEST:
            self._text.append(text)
            self._characters += len(text)

    def _end(self, _: str) -> None:
        place = "/".join(self._path[1:])
        text = printable("".join(self._text))[:_LONGEST].strip()
        if place == "record":
            self._count()
        elif place.startswith("record/row/"):
            self._record[place] = text
        elif text and place.startswith(("report_metadata/", "policy_published/")):
            self.texts.setdefault(place, text)
        self._path.pop()
        self._text = []

    def _count(self) -> None:
        row, self._record = self._record, {}
        count = max(0, min(int(row.get("record/row/count", "0")), 10**12))
        evaluated = "record/row/policy_evaluated"
        self.messages += count
        self.failed_spf += count if row.get(f"{evaluated}/spf", "").lower() != "pass" else 0
        self.failed_dkim += count if row.get(f"{evaluated}/dkim", "").lower() != "pass" else 0


def _refuse(*_: object) -> int:
    raise _Refused


def _report(reader: _Reader, xml: bytes) -> Report:
    """Raises LookupError where something is missing that every report has."""
    texts = reader.texts
    metadata, span = "report_metadata/", "report_metadata/date_range/"
    return Report(
        domain=addresses.canonical_domain(texts["policy_published/domain"])[:253],
        organisation=texts[metadata + "org_name"][:253],
        report_id=texts[metadata + "report_id"][:253],
        email=texts.get(metadata + "email", "")[:320],
        begins_at=_moment(texts[span + "begin"]),
        ends_at=_moment(texts[span + "end"]),
        messages=reader.messages,
        failed_spf=reader.failed_spf,
        failed_dkim=reader.failed_dkim,
        xml=xml.decode("utf-8", "replace").replace("\0", "") if len(xml) <= MOST_KEPT else "",
    )


def _moment(seconds: str) -> datetime:
    """Raises ValueError or OverflowError."""
    return datetime.fromtimestamp(int(seconds), UTC)
