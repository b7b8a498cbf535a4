"""What became of each mail, in the six words of those who count deliveries; which there are, and how many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import models
from django.db.models import Count, Q

from spooling import ledger
from spooling.delivery import smtp_replies
from spooling.inbound import classes
from spooling.inbound.classes import BounceClass
from spooling.models import Mail, Spooler
from spooling.models.mails import MailQuerySet, MailState
from spooling.models.spoolers import SpoolerType
from spooling.outbox import public_ids
from stats.models import Event, EventKind

#: Where neither the ledger nor an index knows the number, counting stops here: no page lies deeper.
MOST_COUNTED = 101_000
#: A refusal from this code on is for good (RFC 5321 §4.2.1).
FOR_GOOD = 500
#: What a document of a delivery needs: the bodies stay in the database.
_COLUMNS = (
    *("public_id", "email", "name", "state", "tries", "last_code", "last_reply", "created_at"),
    *("bounced_at", "bounce_class", "variables", "spooler__state"),
    *("content__subject", "content__from_name", "content__from_email", "content__template_language"),
    *("submission__public_id", "submission__metadata"),
)


class Status(models.TextChoices):
    """Where a delivery stands."""

    #: Waits, also for a person.
    QUEUED = "queued"
    #: The receiver's server took it.
    SENT = "sent"
    #: Refused, at once or by a report that came back, or given up.
    REJECTED = "rejected"
    #: A trouble that may pass: it is tried again.
    RETRYING = "retrying"
    #: There is no such domain, or it takes no mail.
    INVALID = "invalid"
    #: Not tried: the address is suppressed, or the mail was cancelled.
    DROPPED = "dropped"


_STATUSES: dict[str, Status] = {
    MailState.WAITING: Status.QUEUED,
    MailState.SENDING: Status.QUEUED,
    MailState.DELIVERED: Status.SENT,
    MailState.FAILED: Status.REJECTED,
    MailState.BLOCKED: Status.DROPPED,
    MailState.QUARANTINED: Status.QUEUED,
    MailState.EXPIRED: Status.REJECTED,
    MailState.CANCELLED: Status.DROPPED,
    MailState.IN_DOUBT: Status.RETRYING,
}


def of(account_id: int, *, start: datetime | None, end: datetime, words: str = "") -> MailQuerySet:
    """The account's mails from `start` to before `end`, but drafts; `words` are a part of subject, author or address."""
    rows = Mail.objects.filter(account=account_id, created_at__lt=end)
    # An index knows the ids, which begin with the moment.
    rows = rows.filter(public_id__lte=public_ids.bounds(end)[1])
    if start is not None:
        rows = rows.filter(created_at__gte=start, public_id__gte=public_ids.bounds(start)[0])
    rows = rows.exclude(spooler__in=_drafts(account_id))
    return rows.filter(_holding(words)) if words else rows


def count(account_id: int, *, start: datetime | None, end: datetime, words: str = "") -> int:
    """How many there are: from the ledger where all are asked for but the newest, else counted up to MOST_COUNTED."""
    if start is None and not words:
        newer = Mail.objects.filter(account=account_id, created_at__gte=end)
        newer = newer.filter(public_id__gte=public_ids.bounds(end)[0])
        since = newer.exclude(spooler__in=_drafts(account_id)).values("id")[:MOST_COUNTED].count()
        if since < MOST_COUNTED:
            return max(0, _spooled(account_id) - since)
    return of(account_id, start=start, end=end, words=words).values("id")[:MOST_COUNTED].count()


def shown(rows: MailQuerySet) -> MailQuerySet:
    """With all that a document needs, and no body."""
    return rows.select_related("content", "spooler", "submission").only(*_COLUMNS)


def visits(mails: Iterable[Mail]) -> Mapping[tuple[int, str], int]:
    """How many openings and clicks there were, by mail and kind, whoever it was."""
    kinds = (EventKind.OPEN, EventKind.CLICK)
    told = Event.objects.filter(mail_id__in=[mail.pk for mail in mails], kind__in=kinds)
    counted = told.order_by().values_list("mail_id", "kind").annotate(hits=Count("id"))
    return Counter({(mail_id, kind): hits for mail_id, kind, hits in counted})


def status(mail: Mail) -> Status:
    """`mail` comes from `shown`."""
    state = mail.shown_state(mail.spooler.state)
    if state in (MailState.WAITING, MailState.SENDING) and mail.tries:
        return Status.RETRYING
    if state == MailState.DELIVERED and mail.bounced_at is None:
        return Status.SENT
    if state in (MailState.DELIVERED, MailState.FAILED):
        return Status.INVALID if _reason(mail) == BounceClass.BAD_DOMAIN else Status.REJECTED
    return _STATUSES[state]


def is_hard(mail: Mail) -> bool:
    """Whether a mail that was rejected was so for good."""
    if mail.state == MailState.DELIVERED:
        return mail.bounce_class in classes.PERMANENT
    return mail.state == MailState.FAILED and (mail.last_code or 0) >= FOR_GOOD


def _reason(mail: Mail) -> str:
    if mail.state == MailState.DELIVERED:
        return mail.bounce_class
    reply, code = mail.last_reply, mail.last_code or 0
    return classes.class_of(status=smtp_replies.enhanced(code, reply), code=code, text=reply)


def _holding(words: str) -> Q:
    """Clients send a plus unencoded: then it is a blank here."""
    found = Q()
    for text in dict.fromkeys((words, words.replace(" ", "+"))):
        for column in ("email", "content__subject", "content__from_email"):
            found |= Q(**{f"{column}__icontains": text})
    return found


def _drafts(account_id: int) -> list[int]:
    drafts = Spooler.objects.filter(account=account_id, type=SpoolerType.DRAFT)
    return list(drafts.values_list("id", flat=True))


def _spooled(account_id: int) -> int:
    drafts = sum(ledger.of_spooler(spooler_id)["spooled"] for spooler_id in _drafts(account_id))
    return ledger.of_account(account_id)["spooled"] - drafts
