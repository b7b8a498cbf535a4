"""What a mail that came in is, by where it went and what it says. Pure; the values are acted upon elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from spooling.inbound import automatic, bounces, complaints, dmarc
from spooling.inbound.destinations import Mailbox
from spooling.inbound.dsn import Action, Outcome
from spooling.inbound.fields import Fields
from spooling.models.inbound import IncomingKind
from spooling.received import Received


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A mail as it can be read."""

    tamed: bytes
    received: Received
    fields: Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What it is, with what that kind of mail tells."""

    kind: IncomingKind
    outcomes: list[Outcome] = field(default_factory=list)
    #: RFC 5965's type of a complaint.
    complaint: str = ""
    dmarc: dmarc.Report | None = None


def sort(mailbox: Mailbox, sender: str, content: Content) -> Finding:
    """What `content`, from this envelope sender, is to this mailbox.

    A report on mails is one wherever it arrives: not all servers send them to the return path.
    """
    if mailbox is Mailbox.DMARC:
        report = dmarc.report_in(content.received)
        return Finding(kind=IncomingKind.DMARC if report else IncomingKind.NOTICE, dmarc=report)
    return _report(content) or _written(mailbox, sender, content)


def _report(content: Content) -> Finding | None:
    if complaint := complaints.kind_of(content.received):
        complains = complaints.complains(complaint)
        kind = IncomingKind.COMPLAINT if complains else IncomingKind.NOTICE
        return Finding(kind=kind, complaint=complaint)
    told = bounces.told(content.tamed, content.received, content.fields)
    if told:
        failed = any(outcome.action is Action.FAILED for outcome in told)
        return Finding(kind=IncomingKind.BOUNCE if failed else IncomingKind.NOTICE, outcomes=told)
    return None


def _written(mailbox: Mailbox, sender: str, content: Content) -> Finding:
    if mailbox is Mailbox.UNSUBSCRIBE:
        return Finding(kind=IncomingKind.UNSUBSCRIBE)
    machine = automatic.is_automatic(content.fields, sender)
    return Finding(kind=IncomingKind.AUTO_REPLY if machine else IncomingKind.REPLY)
