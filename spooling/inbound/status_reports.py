"""Delivery status notifications of ours (RFC 3462, RFC 3464, RFC 6533): complete messages, 7-bit but for whom they go
to. Pure.

What a server or a client said is hostile: it stands on one line, as printable ASCII, and has an end.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from spooling import received, unicode_addresses
from spooling.delivery import headers, quoted_printable, structure
from spooling.delivery.headers import Address
from spooling.inbound.causes import Cause
from spooling.inbound.dsn import Action

#: Characters of a field, and octets of a header that is returned.
LONGEST_FIELD, LONGEST_HEADER = 900, 64 * 1024
_MESSAGE_ID = re.compile(rb"<[!-;=?-~]{1,900}>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """On one mail to one recipient. Empty: not known, or not said."""

    #: The name that reports, and who reads it.
    host: str
    author: Address
    to: str
    subject: str
    action: Action
    recipient: str
    original_recipient: str
    envid: str
    arrived_at: datetime
    tried_at: datetime
    cause: Cause
    #: The host whose answer ended it.
    remote: str
    #: What is returned, in CRLF lines: a header, or where `whole` a message.
    returned: bytes
    whole: bool = False


def text(report: Report) -> str:
    """For people."""
    said = f"{report.cause.code or ''} {_shown(report.cause.reply)}".strip()
    lines = (
        f"This is the mail system at {report.host}.",
        "",
        "A mail of yours was not delivered to this recipient, and is not tried any more:",
        "",
        f"    {_shown(report.recipient)}",
        "",
        report.cause.words,
        *(("", f"    {said}") if said else ()),
        "",
        f"What is known of it follows, and {'the mail itself' if report.whole else 'its header'}.",
    )
    return "".join(f"{line}\n" for line in lines)


def message(report: Report) -> bytes:
    """Without Date and Message-ID, which whoever mails it adds. Raises AddressInvalid."""
    boundary = f"=_{secrets.token_hex(16)}"
    opening = f"--{boundary}\r\n".encode("ascii")
    parts = (_for_people(report), _status(report), _returned(report))
    return b"".join(
        (
            *_header(report, boundary),
            b"\r\n",
            *(piece for part in parts for piece in (opening, part, b"\r\n")),
            f"--{boundary}--\r\n".encode("ascii"),
        )
    )


def _header(report: Report, boundary: str) -> list[bytes]:
    known = _message_id(report.returned)
    type_ = f"multipart/report; report-type=delivery-status{headers.parameter('boundary', boundary)}"
    return [
        headers.address_field("From: ", (report.author,))[0],
        headers.address_field("To: ", (Address("", report.to),))[0],
        headers.text_field("Subject: ", report.subject),
        b"Auto-Submitted: auto-replied\r\n",
        *(f"{name}: {known}\r\n".encode("ascii") for name in ("In-Reply-To", "References") if known),
        f"MIME-Version: 1.0\r\nContent-Type: {type_}\r\n".encode("ascii"),
    ]


def _message_id(header: bytes) -> str:
    """The Message-ID of a header, with its brackets; empty without one that can be referred to."""
    values = (each.value for each in structure.fields_of(header) if each.name == "message-id")
    value = next(values, b"")
    return value.decode("ascii") if _MESSAGE_ID.fullmatch(value) else ""


def _for_people(report: Report) -> bytes:
    return _part("text/plain", "Notification", text(report).replace("\n", "\r\n").encode())


def _status(report: Report) -> bytes:
    of_message = (
        ("Reporting-MTA", f"dns; {report.host}"),
        ("Original-Envelope-Id", report.envid),
        ("Arrival-Date", format_datetime(report.arrived_at)),
    )
    of_recipient = (
        ("Original-Recipient", _typed(report.original_recipient)),
        ("Final-Recipient", _typed(report.recipient)),
        ("Action", report.action.value),
        ("Status", report.cause.status),
        ("Remote-MTA", f"dns; {report.remote}" if report.remote else ""),
        ("Diagnostic-Code", _diagnostic(report.cause)),
        ("Last-Attempt-Date", format_datetime(report.tried_at)),
    )
    return _part(
        "message/delivery-status", "Delivery report", _fields(of_message) + b"\r\n" + _fields(of_recipient)
    )


def _returned(report: Report) -> bytes:
    if report.whole:
        return _part("message/rfc822", "Undelivered message", report.returned)
    return _part("text/rfc822-headers", "Undelivered message headers", _cut(report.returned))


def _cut(header: bytes) -> bytes:
    """Whole lines of it, as many as are returned."""
    return header if len(header) <= LONGEST_HEADER else header[: header.rfind(b"\n", 0, LONGEST_HEADER) + 1]


def _part(type_: str, description: str, data: bytes) -> bytes:
    """A text that is not 7-bit is encoded."""
    encoding, charset = "7bit", "us-ascii"
    if not data.isascii():
        encoding, charset, data = "quoted-printable", "utf-8", quoted_printable.quoted(data)
    described = f"{type_}; charset={charset}" if type_.startswith("text/") else type_
    head = (
        f"Content-Type: {described}\r\nContent-Description: {description}\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    return head.encode("ascii") + data


def _fields(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Those that say something."""
    told = ((name, _tame(value)) for name, value in pairs)
    return b"".join(headers.fold(f"{name}: ", value.split(" ")) for name, value in told if value)


def _diagnostic(cause: Cause) -> str:
    if cause.code:
        return f"smtp; {cause.code} {cause.reply}"
    return f"x-earwig; {cause.reply}" if cause.reply else ""


def _typed(address: str) -> str:
    """RFC 3464 §2.3.1, RFC 6533 §3."""
    if address.isascii():
        return f"rfc822; {address}"
    return f"utf-8; {unicode_addresses.numbered(address)}"


def _tame(value: str) -> str:
    """On one line, as printable ASCII with single blanks."""
    words = received.printable(value[:LONGEST_FIELD]).encode("ascii", "replace").decode("ascii")
    return " ".join(words.split())


def _shown(value: str) -> str:
    """On one line, without what changes how the rest of it reads."""
    shown = "".join(character if character.isprintable() else " " for character in value[:LONGEST_FIELD])
    return " ".join(shown.split())
