"""MIME entities of a content: text, HTML and files nested as RFC 2046 and 2387 say."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from spooling.delivery import errors
from spooling.delivery import headers as fields
from templates_app import rendering

#: Fixed bytes, or a function of the mail's variables and links.
Piece = bytes | Callable[[Mapping[str, object], rendering.Links], bytes]
#: Tracked links whose targets all recipients share.
FixedLinks = tuple[tuple[rendering.LinkKind, str], ...]

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
    """The Content-* fields of a part, each with its CRLF, its body, and the links in that."""

    fields: tuple[bytes, ...]
    pieces: tuple[Piece, ...]
    links: FixedLinks = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodies:
    """Both bodies of a content, of which an empty one is absent, and how they are rendered.

    Not `tracked`: links count nothing. `opens` and `clicks` add what the templates do not ask for themselves, but to
    links whose label shows their target where these are spared.
    """

    text: str
    html: str
    language: str
    tracked: bool = True
    opens: bool = False
    clicks: bool = False
    spare_shown: bool = False


def assemble(bodies: Bodies, files: tuple[File, ...]) -> Entity:
    """The whole body: alternative of text and HTML, related around inline files, mixed around attachments.

    Boundaries depend on the content alone; they hold `=_`, which neither quoted-printable nor base64 can.
    Raises TemplateSyntaxError, HeaderInjection and FileInvalid.
    """
    html = bodies.html
    boundary = _boundary(bodies.text, html, files)
    inline = [_file(file) for file in files if file.content_id]
    entity = _bodies(bodies)
    if inline and html:
        entity[-1] = _multipart('related; type="text/html"', f"r{boundary}", [entity[-1], *inline])
    body = entity[0] if len(entity) == 1 else _multipart("alternative", f"a{boundary}", entity)
    attached = [_file(file) for file in files if not (file.content_id and html)]
    return _multipart("mixed", f"m{boundary}", [body, *attached]) if attached else body


def _bodies(bodies: Bodies) -> list[Entity]:
    made = []
    if bodies.text or not bodies.html:
        made.append(_body("plain", bodies.text, rendering.Escape.NONE, bodies))
    if bodies.html:
        made.append(_body("html", bodies.html, rendering.Escape.HTML, bodies))
    return made


def _body(subtype: str, source: str, escape: rendering.Escape, bodies: Bodies) -> Entity:
    described = (
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n'.encode("ascii"),
        b"Content-Transfer-Encoding: quoted-printable\r\n",
    )
    program = program_of(source, escape, bodies)
    if program.is_fixed:
        return Entity(described, (program.render({}),))
    return Entity(described, (piece_of(program, escape, bodies),), program.links)


def program_of(source: str, escape: rendering.Escape, bodies: Bodies) -> rendering.Program[bytes]:
    """A text or HTML of these bodies, compiled."""
    return rendering.compile(
        source,
        language=bodies.language,
        escape=escape,
        transfer=rendering.Transfer.QUOTED_PRINTABLE,
        opens=bodies.opens and bodies.tracked,
        clicks=bodies.clicks and bodies.tracked,
        spare_shown=bodies.spare_shown,
    )


def piece_of(program: rendering.Program[bytes], escape: rendering.Escape, bodies: Bodies) -> Piece:
    """What the program says of each mail, tracked or not."""
    return program.render if bodies.tracked else _untracked(program, html=escape is rendering.Escape.HTML)


def _untracked(program: rendering.Program[bytes], *, html: bool) -> Piece:
    render = program.render
    return lambda variables, links: render(variables, rendering.untracked(links, html=html))


def _multipart(subtype: str, boundary: str, parts: Sequence[Entity]) -> Entity:
    kind, _, rest = subtype.partition(";")
    delimiter = f"--=_{boundary}".encode("ascii")
    pieces: list[Piece] = []
    for part in parts:
        pieces += [delimiter + b"\r\n", *part.fields, b"\r\n", *part.pieces, b"\r\n"]
    pieces.append(delimiter + b"--\r\n")
    parameters = f";{rest}" if rest else ""
    field = f'Content-Type: multipart/{kind}{parameters};\r\n boundary="=_{boundary}"\r\n'
    links = dict.fromkeys(link for part in parts for link in part.links)
    return Entity((field.encode("ascii"),), tuple(merged(pieces)), tuple(links))


def merged(pieces: Iterable[Piece]) -> list[Piece]:
    """The same body with neighbouring fixed pieces joined."""
    made: list[Piece] = []
    for piece in pieces:
        last = made[-1] if made else None
        if isinstance(piece, bytes) and isinstance(last, bytes):
            made[-1] = last + piece
        else:
            made.append(piece)
    return made


def joined(pieces: Iterable[Piece], variables: Mapping[str, object], links: rendering.Links) -> bytes:
    """The body of one mail, its last line ended. Raises RenderLimit and UnsupportedValue."""
    body = b"".join([piece if isinstance(piece, bytes) else piece(variables, links) for piece in pieces])
    return body if body.endswith(b"\r\n") else body + b"\r\n"


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
