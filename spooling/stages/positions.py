"""How far subscriptions should be by their schedule, which are behind, and how to bring them there (Seed contract
§5.6, §6.5).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction

from spooling.models import BehindSubscription, JobRequest, MessageSet, Subscription
from spooling.models.subscriptions import ProcessStatus
from spooling.stages import lineups, schedules, subscriptions
from spooling.stages.lineups import Key, Lineup

#: Sets that one look follows: sets may lead in a circle.
MOST_SETS = 500
#: Subscriptions that one transaction looks at.
SLICE = 500
#: After the last run of a set, its successor begins.
_GAP = timedelta(minutes=1)


class Position(NamedTuple):
    """A number in a set, and whether the set should be through."""

    number: int
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """How many messages are missing, and where the subscription should be: in which set, at which number."""

    messages: int
    message_set_id: int
    number: int


@dataclass(slots=True)
class Known:
    """Sets and lines that were read already, for those who look at many subscriptions."""

    _sets: dict[int, MessageSet] = field(default_factory=dict)
    _lines: dict[Key, Lineup] = field(default_factory=dict)
    _read: set[int] = field(default_factory=set)

    def set(self, pk: int) -> MessageSet:
        """The set with its default schedule."""
        if pk not in self._sets:
            self._sets[pk] = MessageSet.objects.select_related("default_schedule").get(pk=pk)
        return self._sets[pk]

    def size(self, message_set_id: int, lang: str) -> int:
        """The number of its messages in a language."""
        if message_set_id not in self._read:
            self._lines.update(lineups.read([message_set_id]))
            self._read.add(message_set_id)
        return self._lines.get((message_set_id, lang), Lineup()).size


def expected(subscription: Subscription, *, until: datetime, known: Known | None = None) -> Position:
    """Where its schedule's runs since it was made should have brought it."""
    size = (known or Known()).size(subscription.messageset_id, subscription.lang)
    initial = subscription.initial_sequence_number
    # More runs than messages say nothing more.
    gone = sum(1 for _ in itertools.islice(_runs(subscription, until), max(size - initial + 1, 0)))
    reached = gone + initial - 1
    return Position(size, True) if reached >= size else Position(reached + 1, False)


def behind(subscription: Subscription, *, until: datetime, known: Known | None = None) -> Behind:
    """What it missed, through the sets that follow."""
    known = known or Known()
    messages = 0
    for each, position in _chain(subscription, until, known):
        messages += max(0, position.number - each.next_sequence_number)
        if position.complete and known.size(each.messageset_id, each.lang):
            messages += 1
    return Behind(messages=messages, message_set_id=each.messageset_id, number=position.number)


def find_behind(job: JobRequest, now: datetime) -> bool:
    """Keep a row for each of the next ready subscriptions that is behind; whether more are left."""
    ready = Subscription.objects.ready().filter(account=job.account_id, pk__gt=job.position)
    rows = list(ready.select_related("schedule").order_by("pk")[:SLICE])
    known = Known()
    found = [(row, behind(row, until=job.created_at, known=known)) for row in rows]
    late = [_row(row, missed, job) for row, missed in found if missed.messages > 0]
    BehindSubscription.objects.bulk_create(late)
    job.progress += len(late)
    if rows:
        job.position = rows[-1].pk
    return len(rows) == SLICE


def _chain(
    subscription: Subscription, until: datetime, known: Known
) -> Iterator[tuple[Subscription, Position]]:
    """The subscription and those that should have followed it, with their positions; only the first is stored."""
    for _ in range(MOST_SETS):
        position = expected(subscription, until=until, known=known)
        yield subscription, position
        next_id = known.set(subscription.messageset_id).next_set_id
        size = known.size(subscription.messageset_id, subscription.lang)
        # A set without messages leads nowhere: two such could go round for ever.
        if not position.complete or next_id is None or not size:
            return
        begun_at = _last_run(subscription, size, until) or subscription.created_at
        subscription = subscriptions.successor(subscription, known.set(next_id))
        subscription.created_at = begun_at


@transaction.atomic
def fast_forward(subscription: Subscription, *, until: datetime, now: datetime) -> list[Subscription]:
    """Bring it where it should be without sending anything, through the chain; answers it and those that were made.

    It never steps back, and one that is inactive or complete stays as it is.
    """
    each = (
        Subscription.objects.select_for_update(of=("self",))
        .select_related("schedule")
        .get(pk=subscription.pk)
    )
    known, moved = Known(), [each]
    if not each.active or each.completed:
        return moved
    while len(moved) <= MOST_SETS and _forward(each, until, now, known):
        following = _begin_next(each, until, now, known)
        if following is None:
            break
        moved.append(following)
        each = following
    return moved


def _forward(subscription: Subscription, until: datetime, now: datetime, known: Known) -> bool:
    """Set its position; whether it is complete."""
    position = expected(subscription, until=until, known=known)
    subscription.next_sequence_number = max(subscription.next_sequence_number, position.number)
    if position.complete:
        subscription.active, subscription.completed = False, True
        subscription.process_status = ProcessStatus.COMPLETED
    subscription.updated_at = now
    subscription.save(
        update_fields=["next_sequence_number", "active", "completed", "process_status", "updated_at"]
    )
    return position.complete


def _begin_next(
    subscription: Subscription, until: datetime, now: datetime, known: Known
) -> Subscription | None:
    """The subscription to the next set, from a minute after the last run; None where the chain stops."""
    next_id = known.set(subscription.messageset_id).next_set_id
    size = known.size(subscription.messageset_id, subscription.lang)
    last = _last_run(subscription, size, until)
    if next_id is None or last is None or not known.size(next_id, subscription.lang):
        return None
    following = subscriptions.successor(subscription, known.set(next_id))
    return subscriptions.create(following, begun_at=last + _GAP, now=now)


def _runs(subscription: Subscription, until: datetime) -> Iterator[datetime]:
    times = schedules.times_of(subscription.schedule)
    return schedules.runs(times, after=subscription.created_at, until=until)


def _last_run(subscription: Subscription, size: int, until: datetime) -> datetime | None:
    """The run with which it got the last of its set's messages: one run each from its initial number on."""
    count = size - subscription.initial_sequence_number + 1
    dates = list(itertools.islice(_runs(subscription, until), max(count, 0)))
    return dates[-1] if dates else None


def _row(subscription: Subscription, missed: Behind, job: JobRequest) -> BehindSubscription:
    return BehindSubscription(
        account_id=job.account_id,
        subscription=subscription,
        messages_behind=missed.messages,
        current_messageset_id=subscription.messageset_id,
        current_sequence_number=subscription.next_sequence_number,
        expected_messageset_id=missed.message_set_id,
        expected_sequence_number=missed.number,
        created_at=job.created_at,
    )
