"""Complete messages that clients hand over: checked, made fit for every server, and described for lists. Pure.

What is wrong with one is told before it is stored; what any server takes as it is stays as it is, octet for octet.
"""

from __future__ import annotations

import base64
import email.utils
import re
from collections.abc import Iterable
from functools import partial

from earwig import errors as earwig_errors
from earwig import mailboxes
from spooling import errors, received
from spooling.delivery import errors as delivery_errors
from spooling.delivery import headers, quoted_printable, structure, written_fields
from spooling.delivery.structure import Entity, Field
from spooling.outbox.drafts import NewContent

#: Octets of a header.
LONGEST_HEADER = 256 * 1024
#: Octets of a line without its CRLF (RFC 5322 §2.1.1).
LONGEST_LINE = 998
_LONGEST_NAME = 76

#: Not the message's own: who else gets it, and what those who deliver it write (RFC 5321 §4.4, RFC 5322 §3.6.3).
_DROPPED = frozenset(("bcc", "resent-bcc", "return-path", "delivered-to", "x-original-to"))
#: What a reader and a signature must agree on (RFC 5322 §3.6, RFC 2045 §3).
_ONCE = frozenset("""
    from sender subject date message-id mime-version content-type content-transfer-encoding content-disposition
    """.split())
ADDRESSES = frozenset(
    ("from", "sender", "reply-to", "to", "cc", "resent-from", "resent-sender", "resent-to", "resent-cc")
)
#: Not told again in the list of headers: they have columns of their own, or describe the body.
_TOLD_APART = frozenset(("from", "subject", "to", "cc", "reply-to", "mime-version"))
_EIGHT_BIT = re.compile(rb"[\x80-\xff]")
#: An author whom every reader understands alike: an address, or a name without special characters, or a quoted one, and
#: an address in brackets; perhaps a comment.
_CLEAR_AUTHOR = re.compile(
    r'(?:(?:"(?:[^"\\]|\\.)*"[ \t]*|[^()<>\[\]:;@\\,"]*)<[^<>()\s,;:"\\]+>|[^<>()\s,;:"\\]+)'
    r"(?:[ \t]*\([^()\\]*\))?"
)


def read(raw: bytes, *, dropped: Iterable[str] = ()) -> NewContent:
    """The content that a complete message is, of no template language; fields are dropped whose names begin with one of
    `dropped` (lower case).

    Lines end with CRLF then, header and parts are 7-bit and no line is too long: parts that were not are
    quoted-printable or base64, fields are encoded words. Raises MessageUnusable.
    """
    message = structure.read(_in_lines(raw))
    _check(message)
    prefixes = tuple(dropped)
    message.fields = [
        each
        for each in message.fields
        if each.name not in _DROPPED and not (prefixes and each.name.startswith(prefixes))
    ]
    _make_fit(message)
    return _told(message)


def _in_lines(raw: bytes) -> bytes:
    if b"\0" in raw:
        raise errors.MessageUnusable("It holds a null character.")
    if has_bare_line_ends(raw):
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    return raw if raw.endswith(b"\r\n") else raw + b"\r\n"


def has_bare_line_ends(raw: bytes) -> bool:
    """Whether a CR or an LF stands alone."""
    whole = raw.count(b"\r\n")
    return raw.count(b"\n") != whole or raw.count(b"\r") != whole


def _is_fit(octets: bytes) -> bool:
    """Whether every server takes it as it is."""
    return octets.isascii() and not _has_long_line(octets)


def _has_long_line(octets: bytes) -> bool:
    place = 0
    while len(octets) - place > LONGEST_LINE:
        end = octets.rfind(b"\r\n", place, place + LONGEST_LINE + 2)
        if end < 0:
            return True
        place = end + 2
    return False


def _check(message: Entity) -> None:
    if sum(len(each.octets) for each in message.fields) > LONGEST_HEADER:
        raise errors.MessageUnusable(f"Its header has more than {LONGEST_HEADER} octets.")
    if not message.gap and message.body:
        raise errors.MessageUnusable("A line of its header is no field, or no blank line ends the header.")
    names = [each.name for each in message.fields]
    if names.count("from") != 1:
        raise errors.MessageUnusable("It needs one From field.")
    for name in sorted(_ONCE.intersection(names)):
        if names.count(name) > 1:
            raise errors.MessageUnusable(f"It has more than one {name.title()} field.")


def _make_fit(message: Entity) -> None:
    message.fields = [_fit_field(each) for each in message.fields]
    octets = message.content()
    if not _is_fit(octets):
        _make_parts_fit(message)
        if message.content() != octets and not message.values("mime-version"):
            message.fields.append(Field("mime-version", b"MIME-Version: 1.0\r\n"))


def _make_parts_fit(entity: Entity) -> None:
    if entity.sealed and entity.type.startswith("multipart/"):
        if _has_long_line(entity.content()):
            raise errors.MessageUnusable("A signed part has a line of more than 998 octets.")
        return
    for part in entity.parts:
        part.fields = [_fit_field(each) for each in part.fields]
        _make_parts_fit(part)
    entity.seams = [_seven_bit(seam) for seam in entity.seams]
    if not entity.parts and not _is_fit(entity.body):
        _encode(entity)


def _seven_bit(seam: bytes) -> bytes:
    """What stands between parts, which nobody reads, without what would not pass."""
    if _has_long_line(seam):
        seam = b"\r\n".join(line[:LONGEST_LINE] for line in seam.split(b"\r\n"))
    return _EIGHT_BIT.sub(b"?", seam)


def _encode(entity: Entity) -> None:
    """Encode a leaf anew, as it is too long or too wide for a server."""
    if entity.type.startswith(("multipart/", "message/")):
        raise errors.MessageUnusable(
            "A part that cannot be taken apart is not 7-bit, or has too long a line."
        )
    data = entity.decoded()
    if entity.type.startswith("text/"):
        encoding, entity.body = b"quoted-printable", quoted_printable.quoted(data)
    else:
        encoding, entity.body = b"base64", base64.encodebytes(data).replace(b"\n", b"\r\n")
    entity.encoding = encoding.decode("ascii")
    entity.describe(b"Content-Transfer-Encoding: %b\r\n" % encoding)


def _fit_field(field: Field) -> Field:
    octets = field.octets
    if octets.isascii() and len(max(octets.split(b"\r\n"), key=len)) <= LONGEST_LINE:
        return field
    return field_of(field, written_fields.characters(field.value))


def field_of(field: Field, value: str) -> Field:
    """The field with another value: as long and as wide as servers take it. Raises MessageUnusable."""
    prefix = f"{field.title}: "
    if len(field.name) > _LONGEST_NAME:
        raise errors.MessageUnusable("A field's name is too long.")
    try:
        if field.name in ADDRESSES:
            return Field(field.name, headers.address_field(prefix, written_fields.mailboxes(value))[0])
        return Field(field.name, headers.text_field(prefix, received.printable(value)))
    except delivery_errors.MimeError as error:
        raise errors.MessageUnusable(f"Its {prefix[:-2]} field: {error}") from None


def _told(message: Entity) -> NewContent:
    name, author = _author(message)
    _clear_author(message, name, author)
    _check_sender(message)
    text, html = shown(message)
    several = partial(_listed, message)
    return NewContent(
        from_email=author,
        from_name=name,
        subject=" ".join(
            received.decoded(written_fields.characters(value)) for value in message.values("subject")
        ),
        to=several("to"),
        cc=several("cc"),
        reply_to=several("reply-to"),
        headers=tuple(
            (each.title, written_fields.text_of(each))
            for each in message.fields
            if each.name not in _TOLD_APART and not each.name.startswith("content-")
        ),
        text=text,
        html=html,
        template_language="plain",
        raw=message.octets(),
    )


def shown(message: Entity) -> tuple[str, str]:
    """The text and the HTML that people see: of each the first that is no attachment; empty without one."""
    found = {"text/plain": "", "text/html": ""}
    for leaf in message.leaves():
        if leaf.type in found and not found[leaf.type] and not leaf.is_attachment:
            found[leaf.type] = leaf.text()
    return found["text/plain"], found["text/html"]


def _author(message: Entity) -> tuple[str, str]:
    value = written_fields.characters(message.values("from")[0])
    try:
        name, author = mailboxes.parse(value)
    except earwig_errors.InvalidAddress:
        written = written_fields.mailboxes(value)
        if len(written) != 1:
            raise errors.MessageUnusable("Its From field names one address.") from None
        name, author = written[0].name, _normal(written[0].email)
    return received.decoded(name), author


def _clear_author(message: Entity, name: str, author: str) -> None:
    """Write From anew where another reader might find another author in it than the one whose domain is looked at."""
    message.fields = [
        (
            field_of(each, email.utils.formataddr((name, author)))
            if each.name == "from" and not _CLEAR_AUTHOR.fullmatch(written_fields.characters(each.value))
            else each
        )
        for each in message.fields
    ]


def _check_sender(message: Entity) -> None:
    for value in message.values("sender"):
        written = written_fields.mailboxes(written_fields.characters(value))
        if len(written) != 1:
            raise errors.MessageUnusable("Its Sender field names one address.")
        _normal(written[0].email)


def sender_of(content: NewContent) -> str:
    """The address in the Sender field of a content that was read; empty without one."""
    for name, value in content.headers:
        if name.lower() == "sender":
            return written_fields.mailboxes(value)[0].email
    return ""


def _normal(address: str) -> str:
    try:
        return mailboxes.normal(address)
    except earwig_errors.InvalidAddress as error:
        raise errors.MessageUnusable(f"Its author: {error}") from None


def _listed(message: Entity, name: str) -> tuple[tuple[str, str], ...]:
    found = [
        each
        for value in message.values(name)
        for each in written_fields.mailboxes(written_fields.characters(value))
    ]
    return tuple((received.decoded(each.name), each.email) for each in found)
