"""Shows what a campaign's mail would be, without making one."""

from __future__ import annotations

import dataclasses
import email
import email.policy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any, NamedTuple

from earwig import variables as bounds
from spooling import errors
from spooling.campaigns import compositions, differences, drafts, filling, messages, names
from spooling.campaigns.filling import Entry
from spooling.delivery import letters
from spooling.models import Mail, Spooler
from spooling.outbox.drafts import NewContent, NewMail

#: Whom the message is to where nobody is named.
NOBODY = "recipient@example.com"


class PreviewedFile(NamedTuple):
    """An attachment; `size` in octets."""

    type: str
    filename: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A mail as its recipient would get it, unsigned; its links lead nowhere."""

    email: str
    sender: str
    recipient: str
    subject: str
    headers: dict[str, str]
    #: (type, content) of each body.
    parts: tuple[tuple[str, str], ...]
    attachments: tuple[PreviewedFile, ...]
    #: Names in its templates that have no value.
    missing: tuple[str, ...]
    source: str


def preview(spooler: Spooler, entry: Entry | None, *, now: datetime) -> Preview:
    """The mail of an entry, or of nobody with the values that all mails have.

    Raises MessageIncomplete, FieldsRefused, UnknownResource and ContentUnusable.
    """
    to = Entry(NOBODY) if entry is None else entry
    (address,) = filling.addresses([to])
    _check(to.variables, "mails[0].variables")
    differences.check(spooler, [to.override])
    content = drafts.complete(spooler, to.override)
    shown = _made(spooler, content, NewMail(address, to.name, to.variables), now)
    return shown if entry is not None else dataclasses.replace(shown, email="", recipient="")


def of_mail(mail: Mail, *, variables: Mapping[str, Any], now: datetime) -> Preview:
    """A stored mail of a campaign, with these values before its own.

    Raises MessageIncomplete, FieldsRefused, UnknownResource and ContentUnusable.
    """
    _check(variables, "variables")
    content = messages.of_mail(mail)
    if lacks := compositions.lacks(content):
        raise errors.MessageIncomplete(fields=lacks)
    to = NewMail(mail.email or NOBODY, mail.name, {**mail.variables, **variables})
    return _made(mail.spooler, content, to, now)


def _check(values: Mapping[str, Any], path: str) -> None:
    if why := bounds.flaw(values, bounds.OF_A_MAIL):
        raise errors.FieldsRefused(fields={path: why})


def _made(spooler: Spooler, content: NewContent, mail: NewMail, now: datetime) -> Preview:
    source = letters.example(
        content, mail, domain_id=spooler.domain_id, at=int(now.timestamp()), lane=spooler.lane
    )
    message = email.message_from_bytes(source, policy=email.policy.default)
    return Preview(
        email=mail.email,
        sender=_header(message, "From"),
        recipient=_header(message, "To"),
        subject=_header(message, "Subject"),
        headers={name: _header(message, name) for name, _ in content.headers},
        parts=tuple(_bodies(message)),
        attachments=tuple(PreviewedFile(file.type, file.name, len(file.data)) for file in content.files),
        missing=tuple(sorted(_missing(content, mail))),
        source=source.decode("utf-8", "replace"),
    )


def _header(message: EmailMessage, name: str) -> str:
    return str(message.get(name, ""))


def _bodies(message: EmailMessage) -> Iterator[tuple[str, str]]:
    for part in message.walk():
        if part.get_content_maintype() == "text" and not part.get_filename():
            yield part.get_content_type(), part.get_content().replace("\r\n", "\n")


def _missing(content: NewContent, mail: NewMail) -> frozenset[str]:
    given = {"email"} if content.template_language == compositions.LANGUAGE else set()
    return names.of_content(content) - given - {*content.variables, *mail.variables}
