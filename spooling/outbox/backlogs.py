"""Where mail is due: the bulk lane's (spooler, provider) pairs in turn, the transactional lane's providers."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain

from django.db import connection
from django.db.models import Min, Q

from spooling import ledger
from spooling.models import Backlog, Mail
from spooling.models.spoolers import RUNNING, Lane
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

_ANYTHING_DUE = """EXISTS (
    SELECT 1 FROM spooling_mail
    WHERE state = 'waiting' AND lane = 'transactional' AND provider = %s AND due_at BETWEEN %s AND %s
)"""

Floor = tuple[datetime, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a claim is made. `account_id` 0: any account's. A claim starts above `floor`."""

    provider: str
    account_id: int = 0
    spooler_id: int | None = None
    backlog_id: int | None = None
    floor: Floor | None = None


class Backlogs:
    """What one drain knows of where mail is due; takes bulk spoolers in turn, so that a big one starves nobody."""

    def __init__(self, lane: str) -> None:
        self.lane = lane
        self._floors: dict[int | str, Floor] = {}
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
            self._floors.clear()
        places = [Place(provider=name, floor=self._floors.get(name)) for name in providers.NAMES]
        stored = connection.ops.adapt_datetimefield_value
        bottom = datetime(1970, 1, 1, tzinfo=UTC)
        parameters = [
            (place.provider, stored(place.floor[0] if place.floor else bottom), stored(now))
            for place in places
        ]
        # One statement for all providers: an idle drain asks five times a second.
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join([_ANYTHING_DUE] * len(places))}", list(chain(*parameters)))
            answers = cursor.fetchone()
        return [place for place, answer in zip(places, answers, strict=True) if answer]

    def _note_lane(self, place: Place, batch: Batch | None) -> None:
        if batch is not None:
            latest = max(mail.due_at for mail in batch.mails)
            self._floors[place.provider] = (latest - LATEST_COMMIT, 0)

    def _bulk(self, now: datetime) -> list[Place]:
        if not self._places or time.monotonic() - self._read_at > TRUSTED_SECONDS:
            self._read_at = time.monotonic()
            self._places = self._read(now)
        places = [
            replace(place, floor=self._floors.get(key, place.floor)) for key, place in self._places.items()
        ]
        return sorted(places, key=lambda place: self._served.get(place.backlog_id or 0, 0.0))

    def _read(self, now: datetime) -> dict[int, Place]:
        runs = Q(spooler__state__in=RUNNING, spooler__start_at__lte=now, spooler__lane=Lane.BULK)
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
            waiting = Mail.objects.filter(
                state="waiting", lane=Lane.BULK, spooler_id=backlog.spooler_id, provider=backlog.provider
            )
            first = waiting.aggregate(first=Min("due_at"))["first"]
        Backlog.objects.filter(pk=backlog.pk).update(next_due_at=first, floor_at=None, floor_id=0)
