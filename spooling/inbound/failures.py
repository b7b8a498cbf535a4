"""Tells clients what failed with us: no other server will (RFC 5321 §6.1, RFC 3461 §6.2).

Failures are read from the events; where that stands moves in the transaction that stores the reports.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import DataError, IntegrityError, transaction

from earwig.errors import EarwigError
from spooling import received, routers
from spooling.delivery import compiled, headers, letters
from spooling.errors import ContentUnusable
from spooling.inbound import causes, passing, status_reports, wishes
from spooling.inbound.dsn import Action
from spooling.inbound.status_reports import Report
from spooling.models import Mail
from spooling.outbox import contents, intake
from spooling.outbox.drafts import UNANSWERABLE, NewContent, NewMail, NewSend, NewSubmission
from stats import cursors, events, readers
from stats.models import UNDELIVERED, Event

WIRE = "dsn"
READER = "failures"
#: A new reader begins so long ago: what fails before an installation's first tick is told too.
NEWLY = timedelta(minutes=5)
#: Events that are read together; and for how long one tick goes on.
TOGETHER = 100
SECONDS = 1.0
#: Octets of a mail that is returned whole; of a longer one the header is.
MOST_RETURNED = 256 * 1024
#: Where a server's answer ended the mail.
_STAGES = frozenset(("mail", "rcpt", "data", "body"))

log = logging.getLogger(__name__)


class _Failure(NamedTuple):
    """A mail that ended by this event, and whom to tell."""

    mail: Mail
    event: Event
    listener: str


class _Told(NamedTuple):
    mail: Mail
    listener: str
    content: NewContent


def tell(*, now: datetime) -> int:
    """Spool a report to the envelope sender of each mail that failed since, as its NOTIFY allows; answers how many.

    Each failure is told once, whatever is killed; ten of one mail at most.
    """
    ends, told = time.monotonic() + SECONDS, 0
    while (number := _tell_some(now, ends)) is not None:
        told += number
        if time.monotonic() > ends:
            break
    return told


def _tell_some(now: datetime, ends: float) -> int | None:
    """How many reports were spooled; None: nothing is left to read."""
    position = readers.position(READER, since=now - NEWLY)
    found, behind = events.after(position, events.undelivered(), limit=TOGETHER)
    # SQLite finds its place by ids: it does not fall far behind what it need not look at again.
    if not found and behind.event_id - position.event_id < TOGETHER:
        return None
    made = []
    for failure in _failures(found):
        made.append(_made(failure))
        if time.monotonic() > ends:
            behind = cursors.behind(failure.event)
            break
    with transaction.atomic():
        if not readers.move(READER, position, behind):
            return None
        return sum(_spool(told, now) for told in made if told is not None)


def _failures(found: Iterable[Event]) -> Iterator[_Failure]:
    """Those whose clients want to hear of them, in order. Of nearly all mails nobody does: that costs one look."""
    last = {event.mail_id: event for event in found}
    rows = Mail.objects.filter(pk__in=last, erased_at=None, content__handling__isnull=False)
    mails = rows.select_related("content").defer("variables", "content__text", "content__html").in_bulk()
    for event in found:
        mail = mails.get(event.mail_id)
        # One that was put back meanwhile did not fail yet.
        if mail is None or last[mail.pk] is not event or mail.state != event.kind:
            continue
        to = wishes.listener(contents.handling_of(mail.content), Action.FAILED)
        if to and not _told_enough(event):
            yield _Failure(mail, event, to)


def _told_enough(event: Event) -> bool:
    """Whether its mail failed, and was put back, so often that nobody is told any more."""
    before = events.of_mail(event.mail_id).filter(kind__in=UNDELIVERED, pk__lt=event.pk)
    return before.count() >= passing.MOST_PASSED


def _made(failure: _Failure) -> _Told | None:
    """None where the report cannot be made: it stops no other."""
    mail, _, listener = failure
    report = _report(failure)
    try:
        content = compiled.guarded(lambda: _content(report), content_id=mail.content_id)
    except ContentUnusable as error:
        log.warning("A report of a failure cannot be made.", extra={"mail": mail.pk, "why": str(error)})
        return None
    return _Told(mail, listener, content)


def _report(failure: _Failure) -> Report:
    mail, event, listener = failure
    handling = contents.handling_of(mail.content)
    sent = letters.shown(mail)
    whole = handling.ret.upper() == "FULL" and sent.isascii() and 0 < len(sent) <= MOST_RETURNED
    return Report(
        host=settings.INBOUND_HOST,
        author=headers.Address(passing.AUTHOR, passing.postmaster()),
        to=listener,
        subject=passing.SUBJECTS[Action.FAILED],
        action=Action.FAILED,
        recipient=mail.email,
        original_recipient=handling.orcpt or mail.email,
        envid=handling.envid,
        arrived_at=mail.created_at,
        tried_at=event.at,
        cause=causes.of(event.kind, event.detail),
        remote=_remote(mail, event),
        returned=sent if whole else _header_of(sent) or _header_known(mail),
        whole=whole,
    )


def _remote(mail: Mail, event: Event) -> str:
    """The host that answered, where it is known: direct routers lead to many."""
    if event.detail.get("stage") not in _STAGES or mail.router_id is None:
        return ""
    router = routers.table().destinations.get(mail.router_id)
    return "" if router is None or router.direct else router.host


def _header_of(raw: bytes) -> bytes:
    header, blank, _ = raw.partition(b"\r\n\r\n")
    return header + b"\r\n" if blank else b""


def _header_known(mail: Mail) -> bytes:
    """Of a mail that cannot be made: the client's own, or what its content says."""
    content = mail.content
    if raw := contents.raws([content]).get(content.pk):
        return _header_of(raw)
    said = (("From", content.from_email), ("To", mail.email), ("Subject", content.subject))
    return b"".join(headers.text_field(f"{name}: ", received.printable(value)) for name, value in said)


def _content(report: Report) -> NewContent:
    """Raises AddressInvalid."""
    return NewContent(
        from_email=report.author.email,
        from_name=report.author.name,
        subject=report.subject,
        to=(("", report.to),),
        text=status_reports.text(report),
        headers=(("Auto-Submitted", "auto-replied"),),
        template_language="plain",
        raw=status_reports.message(report),
        tracked=False,
        handling=UNANSWERABLE,
    )


def _spool(told: _Told, now: datetime) -> bool:
    """Whether it is stored: one that cannot be stops no other."""
    reference = told.mail.public_id.hex
    submission = NewSubmission(account_id=told.mail.account_id, wire=WIRE, client_reference=reference)
    send = NewSend(content=told.content, mails=(NewMail(email=told.listener),))
    try:
        with transaction.atomic():
            intake.accept(submission, [send], now=now)
    except (EarwigError, DataError, IntegrityError) as error:
        log.warning("A failure was not told.", extra={"mail": told.mail.pk, "error": type(error).__name__})
        return False
    return True
