"""Accepted jobs that are not mails: asked for by staff and programs, done slice by slice by the control tick."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from spooling import errors, ledger
from spooling.models import JobRequest, Mail, Spooler
from spooling.models.mails import MailState
from spooling.models.spoolers import JobKind, JobState, SpoolerState
from spooling.outbox import moves
from spooling.stages import estimates, failures, gauges, orders, positions, slices

#: What one tick spends on jobs.
TURN_SECONDS = 1.0
#: After which a job is taken from a worker that died.
LEASE = timedelta(seconds=60)


@transaction.atomic
def ask_retry(spooler: Spooler, *, now: datetime) -> JobRequest:
    """Let all its mails wait again that failed, were held or are in doubt at `now`: each once, whatever becomes of it.

    Raises SpoolerStateConflict when the spooler is cancelled.
    """
    _require_open(spooler.pk)
    figures = ledger.of_spooler(spooler.pk)
    newest = Mail.objects.filter(spooler=spooler).order_by("-id").values_list("id", flat=True).first()
    return JobRequest.objects.create(
        account_id=spooler.account_id,
        kind=JobKind.RETRY_MAILS,
        arguments={"spooler": spooler.pk, "newest": newest or 0},
        total=sum(figures[state] for state in (MailState.FAILED, MailState.QUARANTINED, MailState.IN_DOUBT)),
        created_at=now,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a job ends."""

    state: JobState = JobState.DONE
    result: dict[str, Any] = field(default_factory=dict)


Work = Callable[[JobRequest, datetime], Ended | None]


def run_due(*, now: datetime) -> None:
    """Work for a turn on single sends, and for one on open jobs that nobody else works on.

    A slice and how far it came are one transaction: a crash loses nothing and repeats nothing.
    """
    orders.work(now=now, seconds=TURN_SECONDS)
    ends = time.monotonic() + TURN_SECONDS
    while (job_id := _take(now)) is not None:
        while _slice(job_id, now) and time.monotonic() < ends:
            pass
        JobRequest.objects.filter(pk=job_id, state=JobState.RUNNING).update(leased_until=now)
        if time.monotonic() >= ends:
            break


def _take(now: datetime) -> int | None:
    """Lease an account's job whose last turn, or request, is longest ago.

    The account's by chance: one that asks for thousands keeps no other waiting.
    """
    free = JobRequest.objects.filter(
        Q(leased_until=None) | Q(leased_until__lte=now),
        state__in=(JobState.WAITING, JobState.RUNNING),
        kind__in=WORK,
    )
    accounts = list(free.order_by().values_list("account_id", flat=True).distinct())
    if not accounts:
        return None
    in_turn = free.filter(account=random.choice(accounts)).order_by(
        Coalesce("leased_until", "created_at"), "id"
    )
    job_id = in_turn.values_list("id", flat=True).first()
    if job_id is None or not free.filter(pk=job_id).update(state=JobState.RUNNING, leased_until=now + LEASE):
        return None
    return job_id


@transaction.atomic
def _slice(job_id: int, now: datetime) -> bool:
    """Do the next slice; whether some are left. The lock makes a second worker wait for the new position."""
    job = JobRequest.objects.select_for_update().filter(pk=job_id, state=JobState.RUNNING).first()
    if job is None:
        return False
    ended = WORK[job.kind](job, now)
    if ended is not None:
        job.state, job.result, job.ended_at, job.leased_until = ended.state, ended.result, now, None
    job.save(update_fields=["state", "result", "ended_at", "leased_until", "progress", "position"])
    return ended is None


def _retry_mails(job: JobRequest, now: datetime) -> Ended | None:
    """Retry among the next mails."""
    try:
        _require_open(job.arguments["spooler"])
    except errors.SpoolerStateConflict as refused:
        return Ended(state=JobState.FAILED, result={"code": refused.code, "message": refused.message})
    last = _last_of_slice(job)
    job.progress += moves.retry(_asked_for(job, last), why="its spooler was retried", now=now)
    job.position = last
    return Ended(result={"retried": job.progress}) if last >= job.arguments["newest"] else None


def _last_of_slice(job: JobRequest) -> int:
    """Counted over mails in any state, so that a slice is short where few of a million failed."""
    following = Mail.objects.filter(spooler=job.arguments["spooler"], pk__gt=job.position).order_by("id")
    last = following.values_list("id", flat=True)[moves.SWEEP_SIZE - 1 : moves.SWEEP_SIZE].first()
    newest: int = job.arguments["newest"]
    return newest if last is None else min(last, newest)


def _asked_for(job: JobRequest, last: int) -> QuerySet[Mail]:
    """Not what failed after the request: that had its try."""
    return Mail.objects.filter(
        Q(ended_at=None) | Q(ended_at__lte=job.created_at),
        spooler=job.arguments["spooler"],
        pk__gt=job.position,
        pk__lte=last,
        erased_at=None,
    )


def _require_open(spooler_id: int) -> None:
    """Locked, so that a mail put back before the spooler is cancelled is seen by the sweep of that."""
    spooler = Spooler.objects.select_for_update(no_key=True).get(pk=spooler_id)
    if spooler.state == SpoolerState.CANCELLED:
        raise errors.SpoolerStateConflict


def _by_slices(slice_of: Callable[[JobRequest, datetime], bool], word: str) -> Work:
    """Work whose slices tell whether more are left, and whose result is how many it was."""

    def work(job: JobRequest, now: datetime) -> Ended | None:
        return None if slice_of(job, now) else Ended(result={word: job.progress})

    return work


def _measure(job: JobRequest, now: datetime) -> Ended:
    gauges.measure(job.account_id, now=now)
    return Ended()


#: What each kind does in a slice: moves the job's position and progress, and tells how it ends; None: it goes on.
#: Single sends are not among them: `orders` works them off by the hundred.
WORK: dict[str, Work] = {
    JobKind.RETRY_MAILS: _retry_mails,
    JobKind.SCHEDULE_SEND: _by_slices(slices.send_asked, "queued"),
    JobKind.REQUEUE_FAILURES: _by_slices(failures.requeue, "requeued"),
    JobKind.ESTIMATE: _by_slices(estimates.work, "sets"),
    JobKind.FIND_BEHIND: _by_slices(positions.find_behind, "behind"),
    JobKind.MEASURE: _measure,
}
