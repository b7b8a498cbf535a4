"""MIME skeletons: what a content fixes is bytes once, and a mail encodes only its own values."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from spooling.delivery import entities, errors
from spooling.delivery import headers as fields
from spooling.delivery.entities import File, FixedLinks, Piece
from spooling.delivery.headers import Address, check_header
from templates_app import rendering

__all__ = ["Address", "Built", "File", "Parts", "Skeleton", "Values", "check_header"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: RFC 8058 §3.1.
_ONE_CLICK = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
#: A text, or a function of the mail's variables to it.
Line = str | Callable[[Mapping[str, object]], str]
_MESSAGE_ID = re.compile(r"[!-;=?-~]{1,900}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a content says. Subject, sender's name, Reply-To, bodies and headers' values may hold template tags.

    `to` and `cc` are seen by every recipient; where `to` is empty, each mail shows its own.
    An empty `text` or `html` is absent. `language` is a tag such as `de-CH`. `to_name` is a template of the name in
    To where each mail shows its own. `tracked`, `track_opens`, `track_clicks` and `spare_shown` are as in
    `entities.Bodies`.
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
    to_name: str = ""
    tracked: bool = True
    track_opens: bool = False
    track_clicks: bool = False
    spare_shown: bool = False


@dataclass(slots=True)
class Values:
    """What one mail adds; `message_id` is without <>, `at` in epoch seconds.

    `unsubscribe` is the URL that one click unsubscribes at (RFC 8058), empty for none; `unsubscribe_mail` is the address
    that mail unsubscribes at.
    """

    to: Address
    message_id: str
    at: int
    variables: Mapping[str, object]
    links: rendering.Links = rendering.no_links
    unsubscribe: str = ""
    unsubscribe_mail: str = ""


@dataclass(slots=True)
class Built:
    """A complete mail: fields with their CRLF, and the body after the blank line.

    All of it is 7-bit, but addresses with a non-ASCII local part: such a mail is `utf8` (SMTPUTF8, RFC 6531),
    also where only the recipient of its envelope has one; and signed parts of clients, which are `eight_bit`.
    """

    headers: list[bytes]
    body: bytes
    utf8: bool = False
    eight_bit: bool = False


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
    #: Each recipient's name in To, where the content says one.
    to_name: Line
    #: Tracked links whose targets all recipients share, by their first appearance.
    links: FixedLinks
    #: Whether it has a List-Unsubscribe of its own.
    says_unsubscribe: bool

    @classmethod
    def compile(cls, parts: Parts) -> Self:
        """Compile the content's templates and encode all that is fixed.

        Raises TemplateSyntaxError, RenderLimit and UnknownLanguage; HeaderInjection, HeaderNameInvalid,
        HeaderReserved, AddressInvalid and FileInvalid.
        """
        language = parts.template_language
        entity = entities.assemble(bodies(parts), parts.files)
        extras, header_links = _extras(parts)
        return cls(
            sender=_sender(parts),
            visible=fields.address_field("To: ", parts.to)[0] if parts.to else b"",
            fixed=_fixed_addresses(parts),
            subject=_template_field("Subject", parts.subject, language),
            description=(b"MIME-Version: 1.0\r\n", *_language(parts), *entity.fields),
            extras=extras,
            body=entity.pieces,
            utf8=any(fields.needs_utf8(address.email) for address in _addresses(parts)),
            to_name=_line("To", parts.to_name, language),
            links=tuple(dict.fromkeys((*entity.links, *header_links))),
            says_unsubscribe=any(name.lower() == "list-unsubscribe" for name, _ in parts.headers),
        )

    def build(self, values: Values) -> Built:
        """One mail.

        Raises RenderLimit and UnsupportedValue; AddressInvalid and HeaderInjection for the recipient.
        """
        variables, links = values.variables, values.links
        if self.visible:
            visible, needs_utf8 = self.visible, fields.needs_utf8(values.to.email)
        else:
            to = self._named(values) if self.to_name else values.to
            visible, needs_utf8 = fields.recipient_field("To: ", to)
        sender, subject = self.sender, self.subject
        complete = [
            sender if isinstance(sender, bytes) else sender(variables, links),
            visible,
            *self.fixed,
            subject if isinstance(subject, bytes) else subject(variables, links),
            date_field(values.at),
            message_id_field(values.message_id),
            *self.description,
            *[piece if isinstance(piece, bytes) else piece(variables, links) for piece in self.extras],
        ]
        if values.unsubscribe and not self.says_unsubscribe:
            complete += unsubscribe_fields(values)
        return Built(complete, entities.joined(self.body, variables, links), self.utf8 or needs_utf8)

    def _named(self, values: Values) -> Address:
        """The recipient under the content's name for it; one that comes out empty leaves the mail's own."""
        name = self.to_name if isinstance(self.to_name, str) else self.to_name(values.variables)
        return Address(name.strip() or values.to.name, values.to.email)


def bodies(parts: Parts) -> entities.Bodies:
    """Both bodies, and how they are rendered."""
    return entities.Bodies(
        text=parts.text,
        html=parts.html,
        language=parts.template_language,
        tracked=parts.tracked,
        opens=parts.track_opens,
        clicks=parts.track_clicks,
        spare_shown=parts.spare_shown,
    )


def _template_field(name: str, source: str, language: str) -> Piece:
    """An unstructured field whose value may hold template tags, whose links show nothing."""
    prefix = f"{name}: "
    render = _line(name, source, language)
    if isinstance(render, str):
        return fields.text_field(prefix, render)
    return lambda variables, _: fields.text_field(prefix, render(variables))


def _linked_field(name: str, source: str, language: str) -> tuple[Piece, FixedLinks]:
    """The same with links, and those that all recipients share."""
    program, prefix = _line_program(name, source, language), f"{name}: "
    if program.is_fixed:
        return fields.text_field(prefix, fields.flatten(program.render({}))), ()

    def field(variables: Mapping[str, object], links: rendering.Links) -> bytes:
        return fields.text_field(prefix, fields.flatten(program.render(variables, links)))

    return field, program.links


def _line(name: str, source: str, language: str) -> Line:
    """The value on one line, or a function to it where it depends on variables. Rendered line breaks become spaces."""
    program = _line_program(name, source, language)
    if program.is_fixed:
        return fields.flatten(program.render({}))
    return lambda variables: fields.flatten(program.render(variables))


def _line_program(name: str, source: str, language: str) -> rendering.Program[str]:
    fields.refuse_breaks(name, source)
    return rendering.compile(
        source, language=language, escape=rendering.Escape.NONE, transfer=rendering.Transfer.PLAIN
    )


def _sender(parts: Parts) -> Piece:
    email = parts.from_email
    name = _line("From", parts.from_name, parts.template_language)
    if isinstance(name, str):
        return fields.recipient_field("From: ", Address(name, email))[0]
    return lambda variables, _: fields.recipient_field("From: ", Address(name(variables), email))[0]


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


def _extras(parts: Parts) -> tuple[tuple[Piece, ...], FixedLinks]:
    """The content's own fields, and the links in them."""
    for name, value in parts.headers:
        check_header(name, value)
    rendered = (_rendered_reply_to(parts),) if _is_reply_to_rendered(parts) else ()
    linked = [_linked_field(name, value, parts.template_language) for name, value in parts.headers]
    return rendered + tuple(piece for piece, _ in linked), tuple(
        link for _, found in linked for link in found
    )


def unsubscribe_fields(values: Values) -> tuple[bytes, bytes]:
    """RFC 2369 §3.2, the better way first, and RFC 8058."""
    mail = f",\r\n <mailto:{values.unsubscribe_mail}>" if values.unsubscribe_mail else ""
    return f"List-Unsubscribe: <{values.unsubscribe}>{mail}\r\n".encode("ascii"), _ONE_CLICK


@lru_cache(maxsize=64)
def date_field(at: int) -> bytes:
    """RFC 5322 §3.6.1, of epoch second `at`."""
    moment = time.gmtime(at)
    day, month = _DAYS[moment.tm_wday], _MONTHS[moment.tm_mon - 1]
    clock = f"{moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02}"
    return f"Date: {day}, {moment.tm_mday:02} {month} {moment.tm_year:04} {clock} +0000\r\n".encode("ascii")


def message_id_field(message_id: str) -> bytes:
    """Raises HeaderInjection."""
    if not _MESSAGE_ID.fullmatch(message_id):
        raise errors.HeaderInjection("Message-ID")
    return f"Message-ID: <{message_id}>\r\n".encode("ascii")
