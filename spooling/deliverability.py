"""How an account's mails fared, by the hours or days of a window: sent, bounced, dropped, opened, clicked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Count, F, Q
from django.db.models.functions import TruncDay, TruncHour

from spooling import deliveries
from spooling.inbound import classes
from spooling.models import Spooler
from spooling.models.spoolers import SpoolerType
from stats import periods
from stats.models import EventKind
from stats.periods import DAY, HOUR, Mails, Tally, Window

#: Numbers of all buckets.
ALL = slice(None)
_TRUNCATED = {HOUR: TruncHour, DAY: TruncDay}
_FAILURES = (EventKind.FAILED, EventKind.BOUNCE)
_HARD = Q(kind=EventKind.FAILED, detail__code__gte=deliveries.FOR_GOOD) | Q(
    kind=EventKind.BOUNCE, counts__gt=0, detail__class__in=sorted(classes.PERMANENT)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """An hour or a day, as far as it lies within the window. What happened in it, to whatever mails."""

    start: datetime
    end: datetime
    #: Mails that were handed over.
    total: int = 0
    #: Taken by the receiver's server, also those that came back later.
    sent: int = 0
    hard_bounced: int = 0
    soft_bounced: int = 0
    #: Given up before any server was asked.
    dropped: int = 0
    #: Mails with a first opening or click of a person, and how many there were, whoever it was.
    opened: int = 0
    clicked: int = 0
    opens: int = 0
    clicks: int = 0

    @property
    def hours(self) -> float:
        return (self.end - self.start) / HOUR


def mails_of(account_id: int) -> Mails:
    """All of the account's but drafts, which are in no figure."""
    own = Spooler.objects.filter(account=account_id).exclude(type=SpoolerType.DRAFT)
    return Mails(account_id, list(own.values_list("id", flat=True)))


def of_account(
    account_id: int, window: Window, *, step: timedelta, now: datetime, numbers: slice = ALL
) -> list[Bucket]:
    """The buckets of the window, or those of these `numbers`, without gaps, oldest first; `step` is HOUR or DAY.

    Costs a row for every bucket and kind of event, and one for every failure.
    """
    asked = periods.buckets(window, step)[numbers]
    if not asked:
        return []
    first, last = (periods.bucket(window, step, number) for number in (asked[0], asked[-1]))
    part = Window(max(first.start, window.start), min(last.end, window.end))
    tallies = periods.tally(mails_of(account_id), part, step=step, now=now)
    hard = _hard_failures(account_id, part, step, now) if _any_failed(tallies) else {}
    wholes = (periods.bucket(window, step, number) for number in asked)
    return [
        _bucket(
            Window(max(whole.start, part.start), min(whole.end, part.end)),
            tallies.get(whole.start, Tally()),
            hard.get(whole.start, 0),
        )
        for whole in wholes
    ]


def _any_failed(tallies: periods.Tallies) -> bool:
    return any(tally.mails[kind] for tally in tallies.values() for kind in _FAILURES)


def _hard_failures(account_id: int, window: Window, step: timedelta, now: datetime) -> Counter[datetime]:
    """The rollups do not tell them apart."""
    failed = periods.between(account_id, window, now=now).filter(_HARD, kind__in=_FAILURES)
    begun = failed.annotate(begin=_TRUNCATED[step]("at", tzinfo=UTC)).order_by().values("begin")
    return Counter(dict(begun.annotate(mails=Count(F("mail_id"))).values_list("begin", "mails")))


def _bucket(window: Window, tally: Tally, hard: int) -> Bucket:
    mails, events = tally.mails, tally.events
    bounced = mails[EventKind.FAILED] + mails[EventKind.EXPIRED] + mails[EventKind.BOUNCE]
    # What was asked for again is no failure any more.
    hard = min(hard, bounced)
    return Bucket(
        start=window.start,
        end=window.end,
        total=mails[EventKind.SPOOLED],
        sent=mails[EventKind.DELIVERED],
        hard_bounced=hard,
        soft_bounced=bounced - hard,
        dropped=mails[EventKind.BLOCKED] + mails[EventKind.CANCELLED],
        opened=mails[EventKind.OPEN],
        clicked=mails[EventKind.CLICK],
        opens=events[EventKind.OPEN],
        clicks=events[EventKind.CLICK],
    )
