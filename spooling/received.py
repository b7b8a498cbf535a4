"""Reads a mail as it arrived, however broken: headers, text, HTML and files for people to look at. Pure."""

from __future__ import annotations

import base64
import codecs
import email
import email.header
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.message import Message
from typing import Any

#: What comes after these is not shown.
MOST_PARTS = 200
LONGEST_HEADER_BYTES = 65_536
#: No character sets of mail, and slow on long input.
_REFUSED_CHARSETS = frozenset({"idna", "punycode"})
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")
_SUBJECT = re.compile(rb"^subject:((?:[^\n]|\n[ \t])*)", re.IGNORECASE | re.MULTILINE)
_CID = re.compile(r"cid:([^\s\"'<>)]+)", re.IGNORECASE)
_IMAGE = re.compile(r"image/[a-z0-9.+-]{1,60}")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A part that is neither text nor HTML of the mail. `type` is lower-case, `main/sub`, and may lie."""

    name: str
    type: str
    data: bytes
    content_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A mail for people. `html` is hostile; nothing was removed from it."""

    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    files: tuple[File, ...]

    def html_with_images(self) -> str:
        """The HTML with its inline images (`cid:`, RFC 2392) put in as `data:`: it needs no other request."""
        images = {
            file.content_id: file for file in self.files if file.content_id and _IMAGE.fullmatch(file.type)
        }
        return _CID.sub(lambda found: _data_url(images.get(found[1])) or found[0], self.html)


def read(raw: bytes) -> Received:
    """Never raises: what cannot be understood is shown as it is, as text."""
    try:
        message = email.message_from_bytes(raw, policy=email.policy.compat32)
        parts = list(_leaves(message))
    except RecursionError:
        return Received(headers=(), text=printable_text(raw.decode("utf-8", "replace")), html="", files=())
    text = [part for part in parts if _is_body(part, "text/plain")][:1]
    html = [part for part in parts if _is_body(part, "text/html")][:1]
    shown = {id(part) for part in (*text, *html)}
    return Received(
        headers=tuple((printable(name), decoded(str(value))) for name, value in message.items()),
        text="".join(_text(part) for part in text),
        html="".join(_text(part) for part in html),
        files=tuple(_file(part, place) for place, part in enumerate(parts) if id(part) not in shown),
    )


def subject_of(raw: bytes) -> str:
    """The subject, decoded, or an empty string. Reads only the header section."""
    header, _, _ = raw[:LONGEST_HEADER_BYTES].replace(b"\r\n", b"\n").partition(b"\n\n")
    found = _SUBJECT.search(header)
    return decoded(found[1].decode("utf-8", "replace").strip()) if found else ""


def decoded(value: str) -> str:
    """A header's value with its encoded words (RFC 2047) read, on one line."""
    try:
        pieces = email.header.decode_header(value)
    except (HeaderParseError, ValueError):
        return printable(value)
    return printable("".join(_piece(piece, charset) for piece, charset in pieces))


def printable(value: str) -> str:
    """On one line, without control characters and lone surrogates: what every database takes."""
    whole = value.encode("utf-8", "replace").decode("utf-8")
    return _CONTROL.sub("", re.sub(r"[\r\n]+[ \t]*", " ", whole))


def printable_text(value: str) -> str:
    """Like `printable`, with its lines kept."""
    return _CONTROL.sub("", value.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n"))


def text_of(data: bytes, charset: str) -> str:
    """Octets as text, in that character set, or UTF-8 where it is unknown; no control characters, its lines kept."""
    return printable_text(_decode(data, charset or "utf-8"))


def _leaves(message: Message) -> Iterator[Message]:
    for place, part in enumerate(message.walk()):
        if place >= MOST_PARTS:
            return
        if not part.is_multipart():
            yield part


def _is_body(part: Message, type_: str) -> bool:
    return part.get_content_type() == type_ and part.get_content_disposition() != "attachment"


def _bytes(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(part: Message) -> str:
    charset = part.get_param("charset")
    name = charset[2] if isinstance(charset, tuple) else charset
    return text_of(_bytes(part), str(name or ""))


def _decode(data: bytes, charset: str) -> str:
    try:
        known = codecs.lookup(charset).name
        return data.decode("utf-8" if known in _REFUSED_CHARSETS else known, "replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", "replace")


def _piece(piece: bytes | str, charset: str | None) -> str:
    return piece if isinstance(piece, str) else _decode(piece, charset or "utf-8")


def _file(part: Message, place: int) -> File:
    type_ = part.get_content_type()
    name = _file_name(part) or f"part-{place}"
    content_id = printable(str(part.get("Content-ID") or "")).strip().strip("<>")
    return File(name=name, type=type_, data=_bytes(part), content_id=content_id)


def _file_name(part: Message) -> str:
    """The extended form (RFC 2231) where there are both: the library takes the other, which is for old readers."""
    for header, parameter in (("content-disposition", "filename"), ("content-type", "name")):
        params: list[tuple[str, Any]] = part.get_params([], header)
        given = [value for name, value in params if name.lower() == parameter]
        for charset, _, text in (value for value in given if isinstance(value, tuple)):
            return printable(_decode(text.encode("raw-unicode-escape"), charset or "utf-8").strip())
        if given:
            return decoded(given[0].strip())
    return ""


def _data_url(image: File | None) -> str:
    return f"data:{image.type};base64,{base64.b64encode(image.data).decode()}" if image else ""
