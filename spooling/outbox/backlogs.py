"""Where mail is due: the bulk lane's (spooler, provider) pairs in turn, the transactional lane's providers."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain

from django.db import connection
from django.db.models import Min, Q

from spooling import ledger
from spooling.models import Backlog, Pending
from spooling.models.spoolers import Lane, running
from spooling.outbox.values import Batch
from stats import providers

#: A transactional mail is committed at most this long after the moment it was due from.
LATEST_COMMIT = timedelta(seconds=60)
#: How often the transactional lane is claimed without a floor, for what was committed even later.
BOTTOM_SECONDS = 10.0
#: How often a bulk floor is stored, for the drain that comes after this one.
STORE_SECONDS = 1.0
#: How long what was read of the backlogs serves a drain that finds mail in them.
TRUSTED_SECONDS = 0.2
#: Backlogs that a drain keeps in turn.
MOST_PLACES = 200

BOTTOM = datetime(1970, 1, 1, tzinfo=UTC)

_ANYTHING_DUE = """EXISTS (
    SELECT 1 FROM spooling_pending
    WHERE state = 'waiting' AND lane = 'transactional' AND provider = %s AND due_at BETWEEN %s AND %s
)"""

Floor = tuple[datetime, int]
#: From a provider to the groups of accounts whose mail to it leaves by a router of their own.
Own = Callable[[str], Collection[tuple[int, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a claim is made. A claim starts above `floor`.

    In the transactional lane, where the mail of some accounts leaves by another router: theirs, or that of all but them.
    """

    provider: str
    account_id: int = 0
    accounts: tuple[int, ...] = ()
    strangers: tuple[int, ...] = ()
    spooler_id: int | None = None
    backlog_id: int | None = None
    floor: Floor | None = None


#: What tells the transactional lane's places apart.
Way = tuple[str, tuple[int, ...]]


def _way(place: Place) -> Way:
    return place.provider, place.accounts


class Backlogs:
    """What one drain knows of where mail is due; takes bulk spoolers in turn, so that a big one starves nobody."""

    def __init__(self, lane: str, own: Own = lambda provider: ()) -> None:
        self.lane, self._own = lane, own
        self._floors: dict[int, Floor] = {}
        self._lane_floors: dict[Way, Floor] = {}
        self._lane_served: dict[Way, float] = {}
        self._looked_at = BOTTOM
        self._stored_at: dict[int, float] = {}
        self._bottom_at = 0.0
        self._served: dict[int, float] = {}
        self._places: dict[int, Place] = {}
        self._read_at = 0.0

    def due(self, *, now: datetime) -> list[Place]:
        """Places with something due at `now`, those served longest ago first."""
        return self._transactional(now) if self.lane == Lane.TRANSACTIONAL else self._bulk(now)

    def note(self, place: Place, batch: Batch | None) -> None:
        """Remember how far the claim at `place` came."""
        if place.backlog_id is None:
            self._note_lane(place, batch)
        elif batch is None:
            self._exhausted(Backlog.objects.get(pk=place.backlog_id))
        else:
            self._served[place.backlog_id] = time.monotonic()
            self._raise_floor(place.backlog_id, batch)

    def _transactional(self, now: datetime) -> list[Place]:
        if time.monotonic() - self._bottom_at > BOTTOM_SECONDS:
            self._bottom_at = time.monotonic()
            self._lane_floors.clear()
        self._looked_at = now
        ways = {name: self._ways(name) for name in providers.NAMES}
        stored = connection.ops.adapt_datetimefield_value
        parameters = [
            (name, stored(min(place.floor[0] if place.floor else BOTTOM for place in places)), stored(now))
            for name, places in ways.items()
        ]
        # One statement for all providers: an idle drain asks five times a second.
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join([_ANYTHING_DUE] * len(ways))}", list(chain(*parameters)))
            answers = cursor.fetchone()
        due = chain(*(places for places, answer in zip(ways.values(), answers, strict=True) if answer))
        return sorted(due, key=lambda place: self._lane_served.get(_way(place), 0.0))

    def _ways(self, provider: str) -> list[Place]:
        """One place a router, so that one that stalls holds up nobody else's mail."""
        own = self._own(provider)
        places = [Place(provider=provider, strangers=tuple(chain(*own)))]
        places += [Place(provider=provider, account_id=group[0], accounts=group) for group in own]
        return [replace(place, floor=self._lane_floors.get(_way(place))) for place in places]

    def _note_lane(self, place: Place, batch: Batch | None) -> None:
        latest = max(mail.due_at for mail in batch.mails) if batch else self._looked_at
        self._lane_floors[_way(place)] = (latest - LATEST_COMMIT, 0)
        self._lane_served[_way(place)] = time.monotonic()

    def _bulk(self, now: datetime) -> list[Place]:
        if not self._places or time.monotonic() - self._read_at > TRUSTED_SECONDS:
            self._read_at = time.monotonic()
            self._places = self._read(now)
        places = [
            replace(place, floor=self._floors.get(key, place.floor)) for key, place in self._places.items()
        ]
        return sorted(places, key=lambda place: self._served.get(place.backlog_id or 0, 0.0))

    def _read(self, now: datetime) -> dict[int, Place]:
        runs = Q(running(now, "spooler__"), spooler__lane=Lane.BULK)
        due = Backlog.objects.filter(runs, next_due_at__lte=now).select_related("spooler")
        return {
            backlog.pk: Place(
                backlog_id=backlog.pk,
                provider=backlog.provider,
                spooler_id=backlog.spooler_id,
                account_id=backlog.spooler.account_id,
                floor=(backlog.floor_at, backlog.floor_id) if backlog.floor_at else None,
            )
            for backlog in due.order_by("next_due_at")[:MOST_PLACES]
        }

    def _raise_floor(self, backlog_id: int, batch: Batch) -> None:
        floor = max((mail.due_at, mail.id) for mail in batch.mails)
        self._floors[backlog_id] = max(floor, self._floors.get(backlog_id, floor))
        if time.monotonic() - self._stored_at.get(backlog_id, 0.0) > STORE_SECONDS:
            self._stored_at[backlog_id] = time.monotonic()
            floor_at, floor_id = self._floors[backlog_id]
            Backlog.objects.filter(pk=backlog_id).update(floor_at=floor_at, floor_id=floor_id)

    def _exhausted(self, backlog: Backlog) -> None:
        """Nothing is due above the floor. Look below it only where the ledger says that something waits."""
        self._floors.pop(backlog.pk, None)
        self._places.pop(backlog.pk, None)
        first = None
        if ledger.of_spooler(backlog.spooler_id)["waiting"]:
            waiting = Pending.objects.filter(
                state="waiting", lane=Lane.BULK, spooler_id=backlog.spooler_id, provider=backlog.provider
            )
            first = waiting.aggregate(first=Min("due_at"))["first"]
        Backlog.objects.filter(pk=backlog.pk).update(next_due_at=first, floor_at=None, floor_id=0)
