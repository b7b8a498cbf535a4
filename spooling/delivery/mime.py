"""MIME skeletons: what a content fixes is bytes once, and a mail encodes only its own values."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from spooling.delivery import entities, errors
from spooling.delivery import headers as fields
from spooling.delivery.entities import File, Piece
from spooling.delivery.headers import Address, check_header
from templates_app import rendering

__all__ = ["Address", "Built", "File", "Parts", "Skeleton", "Values", "check_header"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MESSAGE_ID = re.compile(r"[!-;=?-~]{1,900}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a content says. Subject, sender's name, Reply-To, bodies and headers' values may hold template tags.

    `to` and `cc` are seen by every recipient; where `to` is empty, each mail shows its own.
    An empty `text` or `html` is absent. `language` is a tag such as `de-CH`.
    """

    subject: str
    from_name: str
    from_email: str
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    text: str = ""
    html: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    files: tuple[File, ...] = ()
    template_language: str = "mustache"
    language: str = ""


@dataclass(slots=True)
class Values:
    """What one mail adds; `message_id` is without <>, `at` in epoch seconds."""

    to: Address
    message_id: str
    at: int
    variables: Mapping[str, object]


@dataclass(slots=True)
class Built:
    """A complete mail: fields with their CRLF, and the body after the blank line.

    All of it is 7-bit, but addresses with a non-ASCII local part: such a mail is `utf8` (SMTPUTF8, RFC 6531),
    also where only the recipient of its envelope has one.
    """

    headers: list[bytes]
    body: bytes
    utf8: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Skeleton:
    """A content compiled for mailing; threads may share it."""

    sender: Piece
    #: The To field that all see; empty where each mail shows its own.
    visible: bytes
    #: Cc and Reply-To.
    fixed: tuple[bytes, ...]
    subject: Piece
    #: MIME-Version and Content-*.
    description: tuple[bytes, ...]
    #: The content's own header fields.
    extras: tuple[Piece, ...]
    body: tuple[Piece, ...]
    utf8: bool

    @classmethod
    def compile(cls, parts: Parts) -> Self:
        """Compile the content's templates and encode all that is fixed.

        Raises TemplateSyntaxError, RenderLimit and UnknownLanguage; HeaderInjection, HeaderNameInvalid,
        HeaderReserved, AddressInvalid and FileInvalid.
        """
        language = parts.template_language
        entity = entities.assemble(parts.text, parts.html, parts.files, language)
        return cls(
            sender=_sender(parts),
            visible=fields.address_field("To: ", parts.to)[0] if parts.to else b"",
            fixed=_fixed_addresses(parts),
            subject=_template_field("Subject", parts.subject, language),
            description=(b"MIME-Version: 1.0\r\n", *_language(parts), *entity.fields),
            extras=_extras(parts),
            body=entity.pieces,
            utf8=any(fields.needs_utf8(address.email) for address in _addresses(parts)),
        )

    def build(self, values: Values) -> Built:
        """One mail.

        Raises RenderLimit and UnsupportedValue; AddressInvalid and HeaderInjection for the recipient.
        """
        variables = values.variables
        if self.visible:
            visible, needs_utf8 = self.visible, fields.needs_utf8(values.to.email)
        else:
            visible, needs_utf8 = fields.recipient_field("To: ", values.to)
        sender, subject = self.sender, self.subject
        complete = [
            sender if isinstance(sender, bytes) else sender(variables),
            visible,
            *self.fixed,
            subject if isinstance(subject, bytes) else subject(variables),
            _date_field(values.at),
            _message_id_field(values.message_id),
            *self.description,
            *[piece if isinstance(piece, bytes) else piece(variables) for piece in self.extras],
        ]
        return Built(complete, self._joined(variables), self.utf8 or needs_utf8)

    def _joined(self, variables: Mapping[str, object]) -> bytes:
        body = b"".join([piece if isinstance(piece, bytes) else piece(variables) for piece in self.body])
        return body if body.endswith(b"\r\n") else body + b"\r\n"


def _template_field(name: str, source: str, language: str) -> Piece:
    """An unstructured field whose value may hold template tags; rendered line breaks become spaces."""
    prefix = f"{name}: "
    render = _line(name, source, language)
    if isinstance(render, str):
        return fields.text_field(prefix, render)
    return lambda variables: fields.text_field(prefix, render(variables))


def _line(name: str, source: str, language: str) -> str | Callable[[Mapping[str, object]], str]:
    """The value on one line, or a function to it where it depends on variables."""
    fields.refuse_breaks(name, source)
    program = rendering.compile(
        source, language=language, escape=rendering.Escape.NONE, transfer=rendering.Transfer.PLAIN
    )
    if program.is_fixed:
        return fields.flatten(str(program.render({})))
    return lambda variables: fields.flatten(str(program.render(variables)))


def _sender(parts: Parts) -> Piece:
    email = parts.from_email
    name = _line("From", parts.from_name, parts.template_language)
    if isinstance(name, str):
        return fields.recipient_field("From: ", Address(name, email))[0]
    return lambda variables: fields.recipient_field("From: ", Address(name(variables), email))[0]


def _addresses(parts: Parts) -> Iterator[Address]:
    yield Address("", parts.from_email)
    yield from (*parts.to, *parts.cc, *parts.reply_to)


def _fixed_addresses(parts: Parts) -> tuple[bytes, ...]:
    named = (("Cc: ", parts.cc), ("Reply-To: ", () if _is_reply_to_rendered(parts) else parts.reply_to))
    return tuple(fields.address_field(prefix, addresses)[0] for prefix, addresses in named if addresses)


def _is_reply_to_rendered(parts: Parts) -> bool:
    return any(rendering.holds_tags(address.email, parts.template_language) for address in parts.reply_to)


def _rendered_reply_to(parts: Parts) -> Piece:
    """For addresses that hold template tags: each mail's own, whose values are atoms (RFC 5322 §3.2.3)."""
    name = "Reply-To"
    source = fields.address_field("", parts.reply_to)[0].decode().replace("\r\n", "")
    if not source.isascii():
        raise errors.AddressInvalid(ascii(source[:200]))
    return _template_field(name, source, parts.template_language)


def _language(parts: Parts) -> tuple[bytes, ...]:
    """RFC 3282."""
    fields.refuse_breaks("Content-Language", parts.language)
    return (fields.text_field("Content-Language: ", parts.language),) if parts.language else ()


def _extras(parts: Parts) -> tuple[Piece, ...]:
    for name, value in parts.headers:
        check_header(name, value)
    rendered = (_rendered_reply_to(parts),) if _is_reply_to_rendered(parts) else ()
    return rendered + tuple(
        _template_field(name, value, parts.template_language) for name, value in parts.headers
    )


@lru_cache(maxsize=64)
def _date_field(at: int) -> bytes:
    moment = time.gmtime(at)
    day, month = _DAYS[moment.tm_wday], _MONTHS[moment.tm_mon - 1]
    clock = f"{moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02}"
    return f"Date: {day}, {moment.tm_mday:02} {month} {moment.tm_year:04} {clock} +0000\r\n".encode("ascii")


def _message_id_field(message_id: str) -> bytes:
    if not _MESSAGE_ID.fullmatch(message_id):
        raise errors.HeaderInjection("Message-ID")
    return f"Message-ID: <{message_id}>\r\n".encode("ascii")
