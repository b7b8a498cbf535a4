"""Events of an account by the mail, the recipient, the template or the tags they speak of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet

from earwig import errors as earwig_errors
from earwig import mailboxes
from spooling import mail_tags
from spooling.models import Mail, Submission
from spooling.wires.smtpeter import sources, wire
from spooling.wires.smtpeter.logs import Log, kinds_of
from spooling.wires.smtpeter.windows import Window
from stats import cursors, periods
from stats.models import Event

#: Above all positions.
_EVERYTHING = cursors.Position(2**62, 0)


def happened(account_id: int, window: Window, logs: Sequence[Log], *, now: datetime) -> QuerySet[Event]:
    """What the logs tell of, in order of time.

    What was recorded more than a day after it happened may be missing.
    """
    since, late = cursors.of_moment(window.since), window.until + periods.LATENESS
    until = cursors.past_moment(late) if late < now else _EVERYTHING
    rows = Event.objects.filter(account_id=account_id).order_by("at", "id")
    return _within(cursors.between(rows, since, until), window, logs)


def of_mails(mails: QuerySet[Mail], window: Window, logs: Sequence[Log]) -> QuerySet[Event]:
    """As `happened`, of few mails, which have an index."""
    rows = Event.objects.filter(mail_id__in=mails.order_by().values("pk")).order_by("at", "id")
    return _within(rows, window, logs)


def to_address(account_id: int, email: str) -> QuerySet[Mail]:
    """Mails to an address as it was given or as it was stored."""
    told = {email}
    try:
        told.add(mailboxes.normal(email))
    except earwig_errors.InvalidAddress:
        return Mail.objects.none()
    return Mail.objects.filter(account_id=account_id).filter(email__in=told)


def of_template(rows: QuerySet[Event], account_id: int, told: str) -> QuerySet[Event]:
    """Those of mails of the template of this id, which may be gone, or name."""
    template = sources.find(account_id, told)
    number = template.pk if template else int(told) if sources.is_id(told) else 0
    if not number:
        return rows.none()
    calls = Submission.objects.filter(
        account=account_id, wire=wire.NAME, **{f"metadata__{wire.TEMPLATE}": number}
    )
    mails = Mail.objects.filter(account_id=account_id, submission__in=calls.values("pk"))
    return rows.filter(mail_id__in=mails.values("pk"))


def tagged(rows: QuerySet[Event], account_id: int, tags: Sequence[str]) -> QuerySet[Event]:
    """Those of mails that carry all of these tags; all of `rows` without any."""
    return rows.filter(mail_id__in=mail_tags.carrying(account_id, tags)) if tags else rows


def _within(rows: QuerySet[Event], window: Window, logs: Sequence[Log]) -> QuerySet[Event]:
    kinds = sorted(kinds_of(tuple(logs)))
    return rows.filter(at__gte=window.since, at__lt=window.until, kind__in=kinds)
