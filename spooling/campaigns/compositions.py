"""From what a wire tells of a message to the content of its mails (Octosend contract, §8 and §10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from earwig import errors
from earwig import variables as bounds
from spooling.campaigns import displays
from spooling.campaigns.resources import Wanted
from spooling.delivery import errors as delivery_errors
from spooling.delivery import headers as header_fields
from spooling.models import Resource
from spooling.models.resources import ResourceKind
from spooling.outbox.drafts import NewContent
from templates_app import rendering
from templates_app.errors import TemplateError

#: The template language of what a wire tells.
LANGUAGE = "braces"
#: Header fields, and tokens of a kind, that one message may have.
MOST = 50
LONGEST_HEADER = 4_000

_REPLY_TO = "reply-to"
#: Families that only the platform writes, besides those that no client of any API may.
_OURS = ("mime-", "dkim-")
_HTML, _TEXT = "text/html", "text/plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a wire tells of a message, or of one mail that differs. Empty is unset; the last three are tokens."""

    sender: str = ""
    recipient: str = ""
    subject: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()
    unsubscribe: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """What messages share that say the same to their recipients, whose variables are their own."""
        said = (self.sender, self.recipient, self.subject, self.parts, self.attachments, self.unsubscribe)
        return (*said, *self.headers.items())

    @property
    def has_body(self) -> bool:
        """Whether it brings all parts and attachments of its own."""
        return bool(self.parts or self.attachments)

    def wanted(self, path: str = "") -> Iterator[Wanted]:
        """The resources it names, each by its path below `path`."""
        for number, token in enumerate(self.parts):
            yield Wanted(f"{path}parts[{number}]", token, ResourceKind.PART)
        for number, token in enumerate(self.attachments):
            yield Wanted(f"{path}attachments[{number}]", token, ResourceKind.ATTACHMENT)
        if self.unsubscribe:
            yield Wanted(f"{path}unsubscribe", self.unsubscribe, ResourceKind.UNSUBSCRIBE)


def flaws(message: Message, *, domain: str) -> dict[str, str]:
    """What can never be sent, by field. A header of the platform's own is none: it is ignored."""
    found = _address_flaws(message, domain)
    for name in ("parts", "attachments"):
        if len(getattr(message, name)) > MOST:
            found[name] = f"At most {MOST}."
    return found | header_flaws(message.headers)


def header_flaws(headers: Mapping[str, str]) -> dict[str, str]:
    """As `flaws`, of header fields alone."""
    if len(headers) > MOST:
        return {"headers": f"At most {MOST}."}
    found = {}
    for name, value in headers.items():
        if flaw := _header_flaw(name, value):
            found[f"headers.{name}"] = flaw
    return found


def variable_flaws(variables: Mapping[str, Any]) -> dict[str, str]:
    """As `flaws`, of the variables of a campaign or of what it says."""
    why = bounds.flaw(variables, bounds.OF_A_CONTENT)
    return {"variables": why} if why else {}


def _address_flaws(message: Message, domain: str) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        author(message, domain)
    except errors.InvalidAddress as error:
        found["sender"] = error.message
    try:
        displays.addressee(message.recipient)
    except errors.InvalidAddress as error:
        found["recipient"] = error.message
    return found


def _header_flaw(name: str, value: str) -> str:
    if len(value) > LONGEST_HEADER:
        return f"At most {LONGEST_HEADER} characters."
    try:
        if name.lower() == _REPLY_TO:
            reply_to({name: value})
        else:
            header_fields.check_header(name, "")
    except errors.InvalidAddress as error:
        return error.message
    except delivery_errors.HeaderNameInvalid:
        return "This is no name of a header."
    except delivery_errors.HeaderReserved:
        return ""
    return ""


def author(message: Message, domain: str) -> tuple[str, str]:
    """(name, address) of its sender, both empty without one. Raises InvalidAddress."""
    return displays.author(message.sender, domain=domain) if message.sender.strip() else ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the messages of a campaign are read with: its sending domain's name, the template language of its texts,
    the resources that they name by token, and what those say.
    """

    domain: str
    language: str = LANGUAGE
    resources: Mapping[str, Resource]
    texts: Mapping[str, str]


def said(message: Message, ground: Ground) -> NewContent:
    """What the message says, without its files. Of parts of one type the last counts. Raises InvalidAddress."""
    name, email = author(message, ground.domain)
    to_name, to_email = displays.addressee(message.recipient)
    parts = {ground.resources[token].type: ground.texts[token] for token in message.parts}
    return NewContent(
        from_name=name,
        from_email=email,
        subject=displays.one_line(message.subject),
        to=((to_name, to_email),) if to_email else (),
        to_name="" if to_email else to_name,
        text=parts.get(_TEXT, ""),
        html=parts.get(_HTML, ""),
        headers=safe_headers(message.headers),
        reply_to=reply_to(message.headers),
        variables=message.variables,
        unsubscribe_id=ground.resources[message.unsubscribe].pk if message.unsubscribe else None,
        template_language=ground.language,
    )


def safe_headers(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Those that a client may set, on one line each."""
    return tuple((name, displays.one_line(value)) for name, value in headers.items() if _is_safe(name))


def _is_safe(name: str) -> bool:
    try:
        header_fields.check_header(name, "")
    except delivery_errors.MimeError:
        return False
    return not name.lower().startswith(_OURS)


def reply_to(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The address of a Reply-To among the headers, unless it is empty: contents keep it apart. Raises InvalidAddress."""
    return tuple(
        displays.reply_address(value)
        for name, value in headers.items()
        if name.lower() == _REPLY_TO and value
    )


def lacks(content: NewContent) -> dict[str, str]:
    """What it needs before a mail can be made of it, by field."""
    needed = {"sender": content.from_email, "subject": content.subject, "parts": content.text or content.html}
    return {name: "It is missing." for name, value in needed.items() if not value} | unrenderable(content)


def unrenderable(content: NewContent) -> dict[str, str]:
    """Why templates of it cannot be rendered, by field."""
    return dict(_refusals(content))


def templates(content: NewContent) -> Iterator[tuple[str, str]]:
    """Its templates, each with the field that says it."""
    yield "sender", content.from_name
    yield "recipient", content.to_name
    yield "subject", content.subject
    yield "parts", content.text
    yield "parts", content.html
    yield from ((f"headers.{name}", value) for name, value in content.headers)


def _refusals(content: NewContent) -> Iterator[tuple[str, str]]:
    for path, source in templates(content):
        try:
            rendering.check(source, content.template_language)
        except TemplateError as error:
            yield path, str(error)
