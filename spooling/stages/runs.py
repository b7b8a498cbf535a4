"""The runs of schedules: each due time happens once, whoever ticks, and ends also after a restart (contract §5.5)."""

from __future__ import annotations

import random
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import F

from spooling.models import Schedule, ScheduleRun
from spooling.models.schedules import RunState
from spooling.stages import schedules, slices

#: A run that is seen later than this after its time is missed.
LATEST = timedelta(minutes=10)
#: Schedules that one tick opens runs of; the next tick goes on.
MOST_OPENED = 500
#: For how long one can see what became of a run.
KEPT, PRUNED_EVERY = timedelta(days=90), timedelta(hours=1)
_INSTANT = timedelta(microseconds=1)


@transaction.atomic
def place(schedule: Schedule, *, now: datetime) -> None:
    """Set and save when it runs next, after it was made or its fields were changed.

    A run that is due already under the same fields stays due. Raises ValueError for fields that cannot be read.
    """
    times = schedules.times_of(schedule)
    due_at = (
        Schedule.objects.select_for_update()
        .filter(pk=schedule.pk)
        .values_list("next_run_at", flat=True)
        .get()
    )
    if due_at is None or due_at > now or schedules.next_run(times, after=due_at - _INSTANT) != due_at:
        due_at = schedules.next_run(times, after=now)
    schedule.next_run_at = due_at
    schedule.save(update_fields=["next_run_at"])


def tick(*, now: datetime, seconds: float) -> bool:
    """Open the runs that are due and work on open ones for so long; whether more is left.

    With EXTERNAL_DISPATCH no run is opened.
    """
    if not settings.EXTERNAL_DISPATCH:
        _open(now)
    ends = time.monotonic() + seconds
    while any_left := _work_round(now, ends):
        if time.monotonic() >= ends:
            break
    return any_left


def prune(*, now: datetime) -> int:
    """Once an hour, forget runs that ended KEPT ago; answers how many."""
    if not cache.add("stages.runs.prune", 1, timeout=PRUNED_EVERY.total_seconds()):
        return 0
    return ScheduleRun.objects.filter(ended_at__lt=now - KEPT).delete()[0]


def _open(now: datetime) -> None:
    due = Schedule.objects.due(now).order_by("next_run_at").values_list("pk", flat=True)
    for schedule_id in list(due[:MOST_OPENED]):
        _open_one(schedule_id, now)


@transaction.atomic
def _open_one(schedule_id: int, now: datetime) -> None:
    """Leave a run for each due time; of those that are too late, for the first alone. Nobody catches them up."""
    schedule = Schedule.objects.select_for_update(skip_locked=True).due(now).filter(pk=schedule_id).first()
    if schedule is None or schedule.next_run_at is None:
        return
    times, first = schedules.times_of(schedule), schedule.next_run_at
    too_late = first < now - LATEST
    runs = [_run(schedule, first, RunState.MISSED if too_late else RunState.RUNNING, now)]
    since = now - LATEST - _INSTANT if too_late else first
    for due_at in schedules.runs(times, after=since, until=now):
        runs.append(_run(schedule, due_at, RunState.RUNNING, now))
    # A beat that is here a second time finds its runs there.
    ScheduleRun.objects.bulk_create(runs, ignore_conflicts=True)
    Schedule.objects.filter(pk=schedule_id).update(next_run_at=schedules.next_run(times, after=now))


def _run(schedule: Schedule, due_at: datetime, state: RunState, now: datetime) -> ScheduleRun:
    ended_at = now if state == RunState.MISSED else None
    return ScheduleRun(schedule=schedule, due_at=due_at, state=state, created_at=now, ended_at=ended_at)


def _work_round(now: datetime, ends: float) -> bool:
    """A slice of each open run in any order, so that a large one keeps no other waiting; whether some go on."""
    ids = list(ScheduleRun.objects.filter(state=RunState.RUNNING).values_list("pk", flat=True))
    random.shuffle(ids)
    any_left = False
    for place, run_id in enumerate(ids, 1):
        any_left |= _work(run_id, now)
        if time.monotonic() >= ends:
            return any_left or place < len(ids)
    return any_left


@transaction.atomic
def _work(run_id: int, now: datetime) -> bool:
    """Send a slice and keep how far the run is, in one transaction; False: somebody else works on it, or it ended."""
    run = (
        ScheduleRun.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("schedule")
        .filter(pk=run_id, state=RunState.RUNNING)
        .first()
    )
    if run is None:
        return False
    done = slices.send(
        slices.Slice(
            account_id=run.schedule.account_id,
            schedule_id=run.schedule_id,
            above=run.position,
            created_until=run.due_at,
        ),
        now=now,
    )
    left = ScheduleRun.objects.filter(pk=run_id)
    if done.last is None:
        left.update(state=RunState.DONE, queued=F("queued") + done.queued, ended_at=now)
    else:
        left.update(position=done.last, queued=F("queued") + done.queued)
    return done.last is not None
