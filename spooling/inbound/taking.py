"""Takes a mail that came in: finds what it is, writes it at what it speaks of, and keeps it for a while."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from earwig.models.messages import AttemptStatus
from spooling import attempts, received
from spooling.inbound import (
    bounds,
    destinations,
    dmarc_reports,
    dsn,
    marks,
    passing,
    quoted,
    sorting,
    threads,
)
from spooling.inbound.destinations import Destination, Mailbox
from spooling.inbound.dsn import Action
from spooling.inbound.fields import Fields
from spooling.inbound.sorting import Content, Finding
from spooling.inbound.threads import Reply, Taken
from spooling.models import IncomingMail, Mail
from spooling.models.inbound import IncomingKind
from spooling.tracking import unsubscriptions, visitors
from spooling.tracking.tokens import Token

#: Octets of a mail that are kept.
MOST_KEPT = 1024 * 1024
_REPORTS = (IncomingKind.BOUNCE, IncomingKind.COMPLAINT, IncomingKind.NOTICE)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A mail at one of our addresses."""

    sender: str
    destination: Destination
    raw: bytes
    content: Content
    finding: Finding


def take(*, sender: str, recipient: str, raw: bytes, now: datetime) -> None:
    """When it returns, what the mail says is committed; handed over again, it changes nothing.

    Mail to no address of ours is dropped: `known` tells before. Raises errors of the database, and LimitReached or
    DomainNotAllowed where a reply cannot be passed on now: then nothing is stored, and its server shall try later.
    """
    destination = destinations.read(recipient)
    if destination is None:
        log.info("Mail to no address of ours was dropped.")
        return
    content = _read(raw)
    finding = sorting.sort(destination.mailbox, sender, content)
    arrival = Arrival(sender=sender, destination=destination, raw=raw, content=content, finding=finding)
    digest = hashlib.sha256(recipient.lower().encode("utf-8", "replace") + b"\0" + raw).hexdigest()
    with transaction.atomic():
        row, new = IncomingMail.objects.get_or_create(
            digest=digest, defaults={"kind": finding.kind, "raw": b"", "received_at": now}
        )
        if new:
            _keep(row, arrival, _act(arrival, now))


def _read(raw: bytes) -> Content:
    tamed = bounds.tame(raw)
    return Content(tamed=tamed, received=received.read(tamed), fields=Fields(tamed))


def _keep(row: IncomingMail, arrival: Arrival, taken: Taken) -> None:
    row.account_id, row.mail_id = taken.account_id, taken.mail_id
    row.raw = arrival.raw[:MOST_KEPT] if taken.kept else b""
    row.save(update_fields=["account", "mail_id", "raw"])


def _act(arrival: Arrival, now: datetime) -> Taken:
    if arrival.finding.kind in _REPORTS:
        return _act_on_report(arrival, now)
    return _ACTS[arrival.destination.mailbox](arrival, now)


def _act_on_report(arrival: Arrival, now: datetime) -> Taken:
    mail = _mail_of(arrival)
    if mail is None:
        return Taken()
    finding = arrival.finding
    if finding.kind == IncomingKind.COMPLAINT:
        # Attempts before mails, as replies have them: whoever locks both never waits for another that does.
        _tell_attempt(mail, AttemptStatus.BLOCKED, now)
        marks.complain(mail.pk, kind=finding.complaint, now=now)
    elif finding.outcomes:
        _act_on_outcome(mail, arrival, now)
    return Taken(mail.account_id, mail.pk)


def _act_on_outcome(mail: Mail, arrival: Arrival, now: datetime) -> None:
    outcome = dsn.of_address(arrival.finding.outcomes, mail.email)
    if outcome.action is Action.FAILED:
        marks.bounce(mail.pk, outcome, now=now)
    elif outcome.action is Action.DELIVERED:
        _tell_attempt(mail, AttemptStatus.SUCCESS, now)
    passing.pass_on(mail, outcome.action, arrival.raw[:MOST_KEPT], now=now)


def _tell_attempt(mail: Mail, status: AttemptStatus, now: datetime) -> None:
    if mail.attempt_id is not None:
        attempts.learn({mail.attempt_id: status}, now=now)


def _mail_of(arrival: Arrival) -> Mail | None:
    """The mail that a report speaks of: the one whose return path it came to, else the one that it shows."""
    destination = arrival.destination
    mail_id = destination.mail_id or quoted.mail_id(arrival.content.tamed)
    return Mail.objects.filter(pk=mail_id).first() if mail_id is not None else None


def _respond(arrival: Arrival, now: datetime) -> Taken:
    """Somebody answered to the return path, as programs do that answer for one who is away."""
    mail = _mail_of(arrival)
    if mail is None:
        return Taken()
    marks.respond(mail.pk, automatic=arrival.finding.kind == IncomingKind.AUTO_REPLY, now=now)
    return Taken(mail.account_id, mail.pk)


def _on_thread(arrival: Arrival, now: datetime) -> Taken:
    assert arrival.destination.thread_id is not None
    return threads.take(arrival.destination.thread_id, _reply(arrival), now=now)


def _unsolicited(arrival: Arrival, now: datetime) -> Taken:
    return threads.take_unsolicited(_reply(arrival), now=now)


def _reply(arrival: Arrival) -> Reply:
    machine = arrival.finding.kind == IncomingKind.AUTO_REPLY
    return Reply(author=arrival.content.fields.author(), content=arrival.content, automatic=machine)


def _unsubscribe(arrival: Arrival, now: datetime) -> Taken:
    assert arrival.destination.mail_id is not None
    visitor = visitors.Visitor(who=visitors.Who.HUMAN, ip="", agent="")
    token = Token(b"u", arrival.destination.mail_id)
    place = unsubscriptions.unsubscribe(token, visitor, source="mail", now=now)
    return Taken(place.mail.account_id, place.mail.mail_id)


def _keep_for_staff(arrival: Arrival, now: datetime) -> Taken:
    return Taken()


def _report_on_dmarc(arrival: Arrival, now: datetime) -> Taken:
    report = arrival.finding.dmarc
    return Taken(None if report is None else dmarc_reports.store(report, now=now))


_ACTS: Mapping[Mailbox, Callable[[Arrival, datetime], Taken]] = {
    Mailbox.RETURN_PATH: _respond,
    Mailbox.THREAD: _on_thread,
    Mailbox.UNMONITORED: _unsolicited,
    Mailbox.UNSUBSCRIBE: _unsubscribe,
    Mailbox.ABUSE: _keep_for_staff,
    Mailbox.DMARC: _report_on_dmarc,
}
