"""Where a reader of events stands. Ids commit out of order; nothing commits any more below the oldest running
transaction, so readers go by (transaction, id) up to there.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.db.models import Max, Min, QuerySet

from stats.models import Event, RollupCursor

_TOKEN = re.compile(r"([0-9a-f]{1,15})-([0-9a-f]{1,15})")
#: Events that one probe for a moment looks at: so many in a row are not late.
PROBE = 200
#: The cursor is one row.
_KEY = 1
#: Events that are not rolled up yet. The upper bound says nothing but that the range is narrow: PostgreSQL would
#: guess a third of the table, and read all of it.
BEHIND = {
    "postgresql": (
        '"transaction" >= coalesce((SELECT "transaction" FROM stats_rollupcursor), \'0\'::xid8) '
        "AND \"transaction\" <= '18446744073709551615'::xid8"
    ),
    "sqlite": '"transaction" = 0 AND id >= coalesce((SELECT event_id FROM stats_rollupcursor), 0)',
}


class Position(NamedTuple):
    """Behind all events below (transaction, event id), before that one."""

    transaction: int
    event_id: int

    @property
    def token(self) -> str:
        """For clients, who need not know what it means."""
        return f"{self.transaction:x}-{self.event_id:x}"


START = Position(0, 0)


def of_token(token: str) -> Position:
    """What `Position.token` was made of. Raises ValueError."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise ValueError("not a cursor")
    return Position(int(match[1], 16), int(match[2], 16))


def behind(event: Event) -> Position:
    """Of a reader who has read `event`."""
    return Position(int(event.transaction), event.pk + 1)


def of_moment(moment: datetime) -> Position:
    """A position below which no event was recorded at `moment` or later, as near to it as probes find."""
    event_id = _before(moment)
    if event_id is None:
        return START
    first = _probe(event_id).aggregate(first=Min("transaction"))["first"]
    return Position(int(first), 0) if connection.vendor == "postgresql" else Position(0, event_id)


def past_moment(moment: datetime) -> Position:
    """A position above which none was recorded before `moment`, which is over, as near to it as probes find."""
    probe = _probe(_before(moment) or 0).aggregate(transaction=Max("transaction"), event_id=Max("id"))
    if connection.vendor == "postgresql":
        return Position(int(probe["transaction"] or 0) + 1, 0)
    return Position(0, (probe["event_id"] or 0) + 1)


def _before(moment: datetime) -> int | None:
    """The id of an event behind which, up to the end of a probe, the first one of `moment` or later stands.

    Ids grow with the time of recording, which is seldom long after an event: that one is searched for, by halves.
    """
    ends = Event.objects.aggregate(low=Min("id"), high=Max("id"))
    low, high = ends["low"] or 0, ends["high"] or 0
    if not _is_before(low, moment):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _is_before(middle, moment) else (low, middle - 1)
    return low


def _probe(event_id: int) -> QuerySet[Event]:
    return Event.objects.filter(pk__gte=event_id).order_by("pk")[:PROBE]


def _is_before(event_id: int, moment: datetime) -> bool:
    newest = _probe(event_id).aggregate(newest=Max("at"))["newest"]
    return newest is not None and newest < moment


def horizon() -> Position:
    """Whatever commits from now on lies at it or above."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
            return Position(int(cursor.fetchone()[0]), 0)
    return Position(0, (Event.objects.aggregate(last=Max("id"))["last"] or 0) + 1)


def between(rows: QuerySet[Event], start: Position, end: Position) -> QuerySet[Event]:
    """Those of `rows` from `start` to before `end`, in no order."""
    return below(since(rows, start), end)


def since(rows: QuerySet[Event], start: Position) -> QuerySet[Event]:
    """Those of `rows` from `start` on, in no order."""
    if connection.vendor == "sqlite":
        # An index finds them so, which has all events under one transaction.
        return rows.filter(transaction=start.transaction, id__gte=start.event_id)
    return rows.filter(transaction__gte=start.transaction).exclude(
        transaction=start.transaction, id__lt=start.event_id
    )


def below(rows: QuerySet[Event], end: Position) -> QuerySet[Event]:
    """Those of `rows` before `end`, in no order."""
    return rows.filter(transaction__lte=end.transaction).exclude(
        transaction=end.transaction, id__gte=end.event_id
    )


def lock() -> Position:
    """Where the rollup stands; nobody else moves it before this transaction ends."""
    locked = RollupCursor.objects.select_for_update().filter(pk=_KEY)
    found = locked.first()
    if found is None:
        RollupCursor.objects.bulk_create(
            [RollupCursor(pk=_KEY, transaction=0, event_id=0)], ignore_conflicts=True
        )
        found = locked.get()
    return Position(int(found.transaction), found.event_id)


def move(position: Position) -> None:
    """All events below `position` are rolled up. Belongs into the transaction that did it."""
    RollupCursor.objects.filter(pk=_KEY).update(transaction=position.transaction, event_id=position.event_id)
