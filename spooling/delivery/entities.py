"""MIME entities of a content: text, HTML and files nested as RFC 2046 and 2387 say."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from spooling.delivery import errors
from spooling.delivery import headers as fields
from templates_app import rendering

#: Fixed bytes, or a function of the mail's variables.
Piece = bytes | Callable[[Mapping[str, object]], bytes]

_TOKEN = r"[A-Za-z0-9!#$&^_.+-]{1,127}"
_MEDIA_TYPE = re.compile(rf'{_TOKEN}/{_TOKEN}(?: *; *{_TOKEN}=(?:{_TOKEN}|"[ !#-\[\]-~]{{0,200}}"))*')
_CONTENT_ID = re.compile(r"[!-;=?-~]{1,200}")
_COMPOSITE = ("message/", "multipart/")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An attachment; with a content id (without <>) it stands inline, where the HTML names it by `cid:`."""

    name: str
    type: str
    data: bytes
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class Entity:
    """The Content-* fields of a part, each with its CRLF, and its body."""

    fields: tuple[bytes, ...]
    pieces: tuple[Piece, ...]


def assemble(text: str, html: str, files: tuple[File, ...], language: str) -> Entity:
    """The whole body: alternative of text and HTML, related around inline files, mixed around attachments.

    Boundaries depend on the content alone; they hold `=_`, which neither quoted-printable nor base64 can.
    Raises TemplateSyntaxError, HeaderInjection and FileInvalid.
    """
    boundary = _boundary(text, html, files)
    inline = [_file(file) for file in files if file.content_id]
    entity = _bodies(text, html, language)
    if inline and html:
        entity[-1] = _multipart('related; type="text/html"', f"r{boundary}", [entity[-1], *inline])
    body = entity[0] if len(entity) == 1 else _multipart("alternative", f"a{boundary}", entity)
    attached = [_file(file) for file in files if not (file.content_id and html)]
    return _multipart("mixed", f"m{boundary}", [body, *attached]) if attached else body


def _bodies(text: str, html: str, language: str) -> list[Entity]:
    bodies = []
    if text or not html:
        bodies.append(_body("plain", text, rendering.Escape.NONE, language))
    if html:
        bodies.append(_body("html", html, rendering.Escape.HTML, language))
    return bodies


def _body(subtype: str, source: str, escape: rendering.Escape, language: str) -> Entity:
    described = (
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n'.encode("ascii"),
        b"Content-Transfer-Encoding: quoted-printable\r\n",
    )
    program = rendering.compile(
        source, language=language, escape=escape, transfer=rendering.Transfer.QUOTED_PRINTABLE
    )
    return Entity(described, (program.render({}) if program.is_fixed else program.render,))


def _multipart(subtype: str, boundary: str, parts: Iterable[Entity]) -> Entity:
    kind, _, rest = subtype.partition(";")
    delimiter = f"--=_{boundary}".encode("ascii")
    pieces: list[Piece] = []
    for part in parts:
        pieces += [delimiter + b"\r\n", *part.fields, b"\r\n", *part.pieces, b"\r\n"]
    pieces.append(delimiter + b"--\r\n")
    parameters = f";{rest}" if rest else ""
    field = f'Content-Type: multipart/{kind}{parameters};\r\n boundary="=_{boundary}"\r\n'
    return Entity((field.encode("ascii"),), tuple(_merged(pieces)))


def _merged(pieces: Iterable[Piece]) -> list[Piece]:
    """The same body with neighbouring fixed pieces joined."""
    merged: list[Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if isinstance(piece, bytes) and isinstance(last, bytes):
            merged[-1] = last + piece
        else:
            merged.append(piece)
    return merged


def _file(file: File) -> Entity:
    fields.refuse_breaks("Content-Disposition", file.name)
    disposition = "inline" if file.content_id else "attachment"
    if file.name:
        disposition += fields.parameter("filename", file.name)
    described = [
        f"Content-Type: {_media_type(file)}\r\n",
        "Content-Transfer-Encoding: base64\r\n",
        f"Content-Disposition: {disposition}\r\n",
    ]
    if file.content_id:
        if not _CONTENT_ID.fullmatch(file.content_id):
            raise errors.FileInvalid(ascii(file.content_id[:200]))
        described.append(f"Content-ID: <{file.content_id}>\r\n")
    data = base64.encodebytes(file.data).replace(b"\n", b"\r\n")
    return Entity(tuple(field.encode("ascii") for field in described), (data,))


def _media_type(file: File) -> str:
    """Base64 is forbidden inside composite types (RFC 2046 §5.1, §5.2.1); a file of one travels as octets."""
    if not file.type or file.type.lower().startswith(_COMPOSITE):
        return "application/octet-stream"
    if len(file.type) > 255 or not _MEDIA_TYPE.fullmatch(file.type):
        raise errors.FileInvalid(ascii(file.type[:255]))
    return file.type


def _boundary(text: str, html: str, files: Iterable[File]) -> str:
    digest = hashlib.sha256(f"{len(text)} {text}{html}".encode("utf-8", "replace"))
    for file in files:
        digest.update(f"{file.name}\0{len(file.data)}\0".encode("utf-8", "replace"))
        digest.update(file.data)
    return digest.hexdigest()[:24]
