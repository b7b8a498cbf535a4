"""From the properties of `send` to what the outbox takes (contract §4)."""

from __future__ import annotations

import dataclasses
import email
import email.policy
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from spooling import errors as spooling_errors
from spooling import message_html, raw_messages, received
from spooling.campaigns import compositions, displays
from spooling.outbox.drafts import NewContent, NewMail, NewSend
from spooling.wires.smtpeter import (
    addressing,
    attachments,
    errors,
    fields,
    options,
    recipients,
    sources,
)
from spooling.wires.smtpeter.addressing import Header, Written
from spooling.wires.smtpeter.inputs import Properties
from spooling.wires.smtpeter.options import Options
from spooling.wires.smtpeter.recipients import Recipient
from spooling.wires.smtpeter.sources import Source
from templates_app.models import Language

#: Octets of a subject (RFC 5322 §2.1.1).
LONGEST_SUBJECT = 998
#: Octets that all contents of one call may take: where data stand in the header, recipients have contents of their own.
MOST_OCTETS = 64 * 1024 * 1024
_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r")
#: A complete message says these as header fields (contract §4.3); `tags` between commas.
_HEADER_OPTIONS = ("inlinecss", "trackclicks", "trackbounces", "trackopens", "preventscam", "images", "tags")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What a call asks for: mails, grouped by what they say."""

    options: Options
    groups: tuple[Group, ...]
    #: All recipients in the order of the call.
    emails: tuple[str, ...]
    #: Of a stored template; 0: none.
    template_id: int = 0


class Group(NamedTuple):
    """One content and whom it goes to."""

    content: NewContent
    mails: tuple[NewMail, ...]

    def send(self, domain_id: int, not_after: datetime | None) -> NewSend:
        return NewSend(content=self.content, mails=self.mails, domain_id=domain_id, not_after=not_after)


def read(properties: Properties, *, account_id: int, now: datetime) -> Letter:
    """Not in a transaction: attachments may come from other servers.

    Raises Refused, InvalidField and NotFound, MessageUnusable, TemplateError.
    """
    if properties.text("mime"):
        return _complete(properties, now)
    people = recipients.read(properties)
    told = options.read(properties, now=now)
    source = _source(properties, account_id)
    written = _written(properties, source)
    content = _wording(properties, source, told)
    letter = _letter(told, _groups(content, written, people), people)
    return dataclasses.replace(letter, template_id=source.template_id)


def _complete(properties: Properties, now: datetime) -> Letter:
    """A message that the client composed itself."""
    raw = properties.text("mime").encode()
    properties = Properties({**properties.values, **_header_options(raw)})
    people = recipients.read(properties)
    told = options.read(properties, now=now)
    content = dataclasses.replace(
        raw_messages.read(raw, dropped=(fields.OPTIONS,)),
        template_language=Language.SMARTY,
        track_opens=told.track_opens,
        track_clicks=told.track_clicks,
        handling=told.handling,
        variables=properties.variables("data"),
    )
    _check(content)
    if told.inline_css:
        content = message_html.inlined(content)
    return _letter(told, [Group(content, tuple(map(_mail, people)))], people)


def _header_options(raw: bytes) -> dict[str, Any]:
    """What the header of a message says of its own sending: it overrides the properties (quirk 10)."""
    octets = _BLANK_LINE.split(raw, 1)[0]
    if len(octets) > raw_messages.LONGEST_HEADER:
        raise spooling_errors.MessageUnusable(
            f"Its header has more than {raw_messages.LONGEST_HEADER} octets."
        )
    header = email.message_from_bytes(octets, policy=email.policy.compat32)
    found: dict[str, Any] = {}
    for name in _HEADER_OPTIONS:
        value = header.get(fields.OPTIONS + name)
        if value is not None:
            text = received.decoded(str(value)).strip()
            found[name] = [tag.strip() for tag in text.split(",")] if name == "tags" else text
    return found


def _source(properties: Properties, account_id: int) -> Source:
    """What the template of the call says, if it names one. Raises NotFound, InvalidField."""
    _, told = properties.given("template")
    patch = properties.members("patch")
    if told is None or told == "":
        return Source()
    if isinstance(told, dict):
        return sources.read(sources.patched(told, patch) if patch else told)
    template = sources.find(account_id, properties.text("template"))
    if template is None:
        raise errors.NotFound("There is no such template.")
    return sources.of_stored(template, patch)


def _written(properties: Properties, source: Source) -> Written:
    author = properties.text("from").strip() or source.author
    if not author:
        raise properties.invalid("from", "An address is needed.")
    return Written(
        author=displays.one_line(author),
        to=properties.texts("to"),
        cc=properties.texts("cc"),
        reply_to=properties.texts("replyto", "replyTo", "reply-to") or source.reply_to,
        language=source.language,
    )


def _wording(properties: Properties, source: Source, told: Options) -> NewContent:
    """What all mails say but for the header's people. Raises InvalidField, Refused."""
    subject = displays.one_line(properties.text("subject") or source.subject)
    if len(subject.encode()) > LONGEST_SUBJECT:
        raise properties.invalid("subject", f"At most {LONGEST_SUBJECT} bytes.")
    content = NewContent(
        from_email="",
        subject=subject,
        html=properties.text("html") or source.html,
        text=properties.text("text") or source.text,
        headers=fields.read(properties),
        template_language=source.language,
        variables=properties.variables("data"),
        track_opens=told.track_opens,
        track_clicks=told.track_clicks,
        handling=told.handling,
    )
    if not (content.html or content.text):
        raise errors.Refused("Give html, text, mime or a template.")
    _check(content)
    # Last, as it may take a while.
    content = dataclasses.replace(content, files=attachments.read(properties))
    return message_html.inlined(content) if told.inline_css else content


def _groups(content: NewContent, written: Written, people: Sequence[Recipient]) -> list[Group]:
    """One content for all, or one for each header that data make."""
    written = dataclasses.replace(written, ends=time.monotonic() + addressing.SECONDS)
    fixed = written.fixed()
    told: dict[Header, list[NewMail]] = {}
    for person in people:
        header = fixed or written.rendered(_known(content, person))
        mail = _mail(person)
        if (fixed is None or len(people) == 1) and _names_alone(header, person):
            # Each mail shows its own recipient: the content names nobody, and others can share it.
            mail = mail._replace(name=header.to[0][0])
            header = dataclasses.replace(header, to=())
        told.setdefault(header, []).append(mail)
    octets = len(content.html) + len(content.text) + sum(len(file.data) for file in content.files)
    if len(told) > 1 and octets * len(told) > MOST_OCTETS:
        raise errors.Refused("Its recipients have too many different headers for its size.")
    groups = [Group(_headed(content, header), tuple(mails)) for header, mails in told.items()]
    # All have the same tags: what comes of rendering has none.
    _check(groups[0].content)
    return groups


def _known(content: NewContent, person: Recipient) -> dict[str, Any]:
    """As in the bodies: what is known of every mail, then what the call knows of all, then of this one."""
    always = {"envelope": content.handling.envelope_sender, "recipient": person.email}
    return {**always, **content.variables, **person.data}


def _names_alone(header: Header, person: Recipient) -> bool:
    return len(header.to) == 1 and header.to[0][1] == person.email


def _headed(content: NewContent, header: Header) -> NewContent:
    name, author = header.author
    return dataclasses.replace(
        content, from_name=name, from_email=author, to=header.to, cc=header.cc, reply_to=header.reply_to
    )


def _mail(person: Recipient) -> NewMail:
    return NewMail(person.email, variables=person.data)


def _check(content: NewContent) -> None:
    """Raises Refused for tags that are wrong."""
    for field, why in compositions.unrenderable(content).items():
        raise errors.Refused(f"{field}: {why}")


def _letter(told: Options, groups: Sequence[Group], people: Sequence[Recipient]) -> Letter:
    return Letter(options=told, groups=tuple(groups), emails=tuple(person.email for person in people))
