"""What happened to an account's mails within a window of time, by its hours or days: numbers of events of each kind.

Whole hours and days come from the rollups, what the window cuts off of an hour from the events themselves.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, QuerySet, Sum

from stats import cursors, rollups
from stats.models import Event

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
#: An event is recorded at most so much later than it happened, as far as the search for a window's last goes.
LATENESS = timedelta(days=1)


class Mails(NamedTuple):
    """Whose mails. The figures of hours know mails by their spoolers alone: these are all of the account's."""

    account_id: int
    spooler_ids: Sequence[int]


class Window(NamedTuple):
    """`start` belongs to it, `end` does not."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """By kind: how many events there were, and of how many mails the figure is."""

    events: Counter[str] = field(default_factory=Counter)
    mails: Counter[str] = field(default_factory=Counter)


#: By the moment at which a bucket begins; without those in which nothing happened.
Tallies = dict[datetime, Tally]
#: A moment within a bucket, the kind, and its two numbers.
_Row = tuple[Any, str, int, int]
_Read = Callable[[Mails, Window, datetime], Iterator[_Row]]

_AMONG = {
    "postgresql": "spooler_id = ANY (%(spoolers)s)",
    "sqlite": "spooler_id IN (SELECT value FROM json_each(%(spoolers)s))",
}


def tally(mails: Mails, window: Window, *, step: timedelta, now: datetime) -> Tallies:
    """What happened in each bucket of `step`, HOUR or DAY (UTC), as far as it lies within the window.

    Costs a row for every bucket and kind; a window that ends within an hour that is over reads that hour's events.
    """
    if window.end >= now:
        # Nothing has happened later.
        window = Window(window.start, _up(window.end, HOUR))
    tallies: Tallies = defaultdict(Tally)
    for read, piece in _pieces(window, step):
        for moment, kind, events, counted in read(mails, piece, now):
            each = tallies[_down(_moment(moment), step)]
            each.events[kind] += events
            each.mails[kind] += counted
    return dict(tallies)


def between(account_id: int, window: Window, *, now: datetime) -> QuerySet[Event]:
    """The account's events within a window, in no order; what was recorded before it and long after is not read."""
    rows = Event.objects.filter(account_id=account_id, at__gte=window.start, at__lt=window.end)
    rows = cursors.since(rows, cursors.of_moment(window.start))
    late = window.end + LATENESS
    return rows if late >= now else cursors.below(rows, cursors.past_moment(late))


def buckets(window: Window, step: timedelta) -> range:
    """Numbers of the buckets that the window touches, in order; `bucket` tells each."""
    if window.start >= window.end:
        return range(0)
    return range(-((_down(window.start, step) - window.end) // step))


def bucket(window: Window, step: timedelta, number: int) -> Window:
    """All of a bucket of the window."""
    begin = _down(window.start, step) + number * step
    return Window(begin, begin + step)


def _pieces(window: Window, step: timedelta) -> Iterator[tuple[_Read, Window]]:
    """What each part of the window is read from; no part is empty."""
    first, last = _up(window.start, HOUR), _down(window.end, HOUR)
    if first > last:
        yield _of_events, window
        return
    parts = [(_of_events, window.start, first), *_whole(first, last, step), (_of_events, last, window.end)]
    for read, start, end in parts:
        if start < end:
            yield read, Window(start, end)


def _whole(first: datetime, last: datetime, step: timedelta) -> list[tuple[_Read, datetime, datetime]]:
    dawn, dusk = _up(first, DAY), _down(last, DAY)
    if step == HOUR or dawn >= dusk:
        return [(_of_hours, first, last)]
    return [(_of_hours, first, dawn), (_of_days, dawn, dusk), (_of_hours, dusk, last)]


def _of_hours(mails: Mails, window: Window, now: datetime) -> Iterator[_Row]:
    ids = list(mails.spooler_ids)
    given = {"spoolers": ids if connection.vendor == "postgresql" else json.dumps(ids)}
    rows = rollups.relation(rollups.BY_SPOOLER, _AMONG[connection.vendor])
    start, end = map(connection.ops.adapt_datetimefield_value, window)
    return _summed("hour", rows, given | {"start": start, "end": end})


def _of_days(mails: Mails, window: Window, now: datetime) -> Iterator[_Row]:
    rows = rollups.relation(rollups.BY_DAY, "account_id = %(account)s")
    start, end = (moment.date().isoformat() for moment in window)
    return _summed("day", rows, {"account": mails.account_id, "start": start, "end": end})


def _summed(column: str, rows: str, given: dict[str, Any]) -> Iterator[_Row]:
    statement = (
        f"SELECT {column}, kind, CAST(sum(hits) AS bigint), CAST(sum(counted - ended) AS bigint) "
        f"FROM ({rows}) AS counters WHERE {column} >= %(start)s AND {column} < %(end)s GROUP BY {column}, kind"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        yield from cursor.fetchall()


def _of_events(mails: Mails, window: Window, now: datetime) -> Iterator[_Row]:
    """What was ended since is not taken off: a mail that failed then and was asked for again did fail then."""
    rows = between(mails.account_id, window, now=now).order_by().values_list("kind")
    for kind, events, counted in rows.annotate(events=Count("id"), mails=Sum("counts")):
        yield window.start, kind, events, counted


def _down(moment: datetime, step: timedelta) -> datetime:
    floor = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return floor.replace(hour=0) if step == DAY else floor


def _up(moment: datetime, step: timedelta) -> datetime:
    floor = _down(moment, step)
    return floor if floor == moment else floor + step


def _moment(bucket: Any) -> datetime:
    """As UTC; SQLite gives what it stored, which is text."""
    return datetime.fromisoformat(str(bucket)).replace(tzinfo=UTC)
