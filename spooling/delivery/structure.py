"""The parts of a complete message (RFC 2045, RFC 2046), cut so that they join to the very same octets again. Pure."""

from __future__ import annotations

import binascii
import email.message
import email.utils
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from spooling import received

#: What is nested deeper, or comes after so many parts, is not taken apart: it goes out as it is.
DEEPEST = 30
MOST_PARTS = 1_000
#: Fields of all headers together, and their octets: a part whose header is past them is a file of no type.
MOST_FIELDS, MOST_HEADER_OCTETS = 20_000, 1024 * 1024
#: Encodings that change no octet (RFC 2045 §6.2).
IDENTITIES = frozenset(("", "7bit", "8bit", "binary"))

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:(?:[^\r\n]*\r\n)(?:[ \t][^\r\n]*\r\n)*")
_PARAMETERS = ("boundary", "charset", "format", "delsp")
_SEALED = ("multipart/signed", "multipart/encrypted")
_NESTED = ("message/rfc822", "message/global")
#: Delimiters are read in one line (RFC 2046 §5.1.1: 70 characters, of which others need more).
_LONGEST_BOUNDARY = 200
#: Octets of a Content-Type that are read.
_LONGEST_TYPE = 4_096


class Field(NamedTuple):
    """A header field: its name in lower case, and all of its octets with the CRLF."""

    name: str
    octets: bytes

    @property
    def title(self) -> str:
        """The name as it is written."""
        return self.octets.partition(b":")[0].decode("ascii").strip()

    @property
    def value(self) -> bytes:
        """What follows the colon, unfolded."""
        return self.octets.partition(b":")[2].replace(b"\r\n", b"").strip(b" \t")


@dataclass(slots=True)
class Entity:
    """A message or a part of one. A leaf has a body; what has `parts` has a seam before each and after the last."""

    fields: list[Field]
    #: Between header and body: a blank line, or nothing where the octets end with the header.
    gap: bytes
    body: bytes
    type: str = "text/plain"
    encoding: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    parts: list[Entity] = field(default_factory=list)
    seams: list[bytes] = field(default_factory=list)
    #: In a signed or encrypted part, whose octets nobody may change.
    sealed: bool = False

    def octets(self) -> bytes:
        """All of it; what was not changed is as it was read."""
        return b"".join((*(each.octets for each in self.fields), self.gap, self.content()))

    def content(self) -> bytes:
        """All below the header."""
        if not self.parts:
            return self.body
        seams = iter(self.seams)
        joined = [next(seams)]
        for part in self.parts:
            joined += (part.octets(), next(seams))
        return b"".join(joined)

    def leaves(self) -> Iterator[Entity]:
        """All that have no parts, in order."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()

    def values(self, name: str) -> list[bytes]:
        """The values of all fields of this name (lower case)."""
        return [each.value for each in self.fields if each.name == name]

    def text(self) -> str:
        """What people read in it."""
        return received.text_of(self.decoded(), self.parameters.get("charset", ""))

    @property
    def is_attachment(self) -> bool:
        given = self.values("content-disposition")
        return bool(given) and given[0].lower().startswith(b"attachment")

    def decoded(self) -> bytes:
        """The body without its transfer encoding; what is encoded wrongly comes out as far as it can be read."""
        if self.encoding == "quoted-printable":
            return binascii.a2b_qp(self.body)
        if self.encoding == "base64":
            return _from_base64(self.body)
        return self.body

    def describe(self, *described: bytes) -> None:
        """Put these Content-* fields, each with its CRLF, in the place of those of their names."""
        new = {name_of(octets): octets for octets in described}
        kept = [each for each in self.fields if each.name not in new]
        self.fields = [*kept, *(Field(*pair) for pair in new.items())]
        self.gap = self.gap or b"\r\n"


def name_of(octets: bytes) -> str:
    """The name of a field, in lower case."""
    return octets.partition(b":")[0].strip().decode("ascii", "replace").lower()


def read(raw: bytes) -> Entity:
    """The structure of a message in CRLF lines, however broken; nothing of it is lost."""
    return _entity(raw, _Budget(), depth=0, sealed=False)


def fields_of(raw: bytes) -> list[Field]:
    """The fields of the header of a message in CRLF lines; none where there are too many."""
    return _header(raw, _Budget())[0]


@dataclass(slots=True)
class _Budget:
    """What may still be taken apart: parts, and the fields of headers."""

    left: int = MOST_PARTS
    fields: int = MOST_FIELDS
    octets: int = MOST_HEADER_OCTETS


def _entity(raw: bytes, budget: _Budget, *, depth: int, sealed: bool, usual: str = "text/plain") -> Entity:
    budget.left -= 1
    fields, start = _header(raw, budget)
    if start < 0:
        return Entity([], b"", raw, type="application/octet-stream", sealed=True)
    gap = b"\r\n" if raw.startswith(b"\r\n", start) else b""
    entity = Entity(fields, gap, raw[start + len(gap) :])
    entity.type, entity.parameters = _typed(entity, usual)
    encodings = entity.values("content-transfer-encoding")
    entity.encoding = encodings[0].decode("ascii", "replace").lower() if encodings else ""
    entity.sealed = sealed or entity.type in _SEALED
    if depth < DEEPEST and entity.encoding in IDENTITIES:
        _open(entity, budget, depth)
    return entity


def _open(entity: Entity, budget: _Budget, depth: int) -> None:
    if entity.type in _NESTED:
        # Somebody else's words: they are passed on, not written in.
        entity.parts = [_entity(entity.body, budget, depth=depth + 1, sealed=True)]
        entity.seams = [b"", b""]
        return
    boundary = entity.parameters.get("boundary", "") if entity.type.startswith("multipart/") else ""
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY:
        return
    pieces = _split(entity.body, b"--" + boundary.encode("utf-8", "surrogateescape"), budget.left)
    usual = "message/rfc822" if entity.type == "multipart/digest" else "text/plain"
    sealed = entity.sealed
    entity.parts = [
        _entity(piece, budget, depth=depth + 1, sealed=sealed, usual=usual) for piece in pieces[1::2]
    ]
    entity.seams = pieces[::2] if entity.parts else []


def _split(body: bytes, delimiter: bytes, most: int) -> list[bytes]:
    """Seams and parts in turn, a seam first and last; one piece where it is not so divided, or has too many parts."""
    pieces: list[bytes] = []
    done = 0
    # The line break before a delimiter belongs to it (RFC 2046 §5.1.1); an empty part has none of its own.
    lines = re.compile(rb"\r\n%b(--)?[ \t]*(?=\r\n|\Z)" % re.escape(delimiter))
    for found in lines.finditer(b"\r\n" + body):
        before = max(done, found.start() - 2) if pieces else 0
        if pieces:
            pieces.append(body[done:before])
        # Behind the line's own break; one more was put before the body.
        done = min(found.end(), len(body))
        pieces.append(body[before:done])
        if found[1]:
            pieces[-1] += body[done:]
            return pieces
        if len(pieces) > 2 * most:
            return [body]
    return [*pieces, body[done:], b""] if pieces else [body]


def _header(raw: bytes, budget: _Budget) -> tuple[list[Field], int]:
    """The fields at the start, and where they end; before the start where they are more than the budget has."""
    fields, place = [], 0
    while found := _FIELD.match(raw, place):
        fields.append(Field(found[1].decode("ascii").lower(), found[0]))
        place = found.end()
        if len(fields) > budget.fields or place > budget.octets:
            return [], -1
    budget.fields -= len(fields)
    budget.octets -= place
    return fields, place


def _typed(entity: Entity, usual: str) -> tuple[str, dict[str, str]]:
    given = entity.values("content-type")
    return _parsed(given[0][:_LONGEST_TYPE]) if given else (usual, {})


@lru_cache(maxsize=512)
def _parsed(value: bytes) -> tuple[str, dict[str, str]]:
    # The library knows the extended and continued forms of RFC 2231, and fails at broken ones.
    message = email.message.Message()
    message["Content-Type"] = value.decode("utf-8", "surrogateescape")
    try:
        parameters = {name: message.get_param(name) for name in _PARAMETERS}
        return message.get_content_type(), {
            name: email.utils.collapse_rfc2231_value(given) for name, given in parameters.items() if given
        }
    except (TypeError, ValueError, LookupError):
        return "application/octet-stream", {}


def _from_base64(body: bytes) -> bytes:
    try:
        return binascii.a2b_base64(body)
    except binascii.Error:
        # Cut off: what is whole of it.
        characters = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
        return binascii.a2b_base64(characters[: len(characters) // 4 * 4])
