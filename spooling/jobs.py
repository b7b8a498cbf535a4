"""Accepted jobs that are not mails: asked for by staff and programs, done slice by slice by the control tick."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from spooling import data_requests, suppression_imports
from spooling.campaigns import preflights, recipient_imports, retries
from spooling.endings import Ended, Waits, Work
from spooling.models import JobRequest
from spooling.models.jobs import JobKind, JobState
from spooling.reports import deliveries, writing
from spooling.stages import estimates, failures, gauges, orders, positions, slices

#: What one tick spends on jobs.
TURN_SECONDS = 1.0
#: After which a job is taken from a worker that died.
LEASE = timedelta(seconds=60)
#: Turns in a row that did not come to their end after which a job is given up: it breaks whoever works on it.
MOST_BROKEN_TURNS = 20


def run_due(*, now: datetime) -> None:
    """Work for a turn on single sends, and for one on open jobs that nobody else works on.

    A slice and how far it came are one transaction: a crash loses nothing and repeats nothing.
    """
    orders.work(now=now, seconds=TURN_SECONDS)
    _give_up_broken(now)
    ends = time.monotonic() + TURN_SECONDS
    while (job_id := _take(now)) is not None:
        while _slice(job_id, now) and time.monotonic() < ends:
            pass
        JobRequest.objects.filter(pk=job_id).update(tries=0)
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
    if job_id is None or not free.filter(pk=job_id).update(
        state=JobState.RUNNING, leased_until=now + LEASE, tries=F("tries") + 1
    ):
        return None
    return job_id


def _give_up_broken(now: datetime) -> None:
    """End jobs whose every turn ends in a crash; the log of the workers says where."""
    broken = JobRequest.objects.filter(
        state=JobState.RUNNING, kind__in=WORK, tries__gte=MOST_BROKEN_TURNS, leased_until__lte=now
    )
    result = {"code": "broken", "message": "Its work broke off again and again."}
    broken.update(state=JobState.FAILED, result=result, ended_at=now, leased_until=None)


@transaction.atomic
def _slice(job_id: int, now: datetime) -> bool:
    """Do the next slice; whether some are left. The lock makes a second worker wait for the new position."""
    job = JobRequest.objects.select_for_update().filter(pk=job_id, state=JobState.RUNNING).first()
    if job is None:
        return False
    ended = WORK[job.kind](job, now)
    if isinstance(ended, Waits):
        job.state, job.leased_until = JobState.WAITING, ended.until
    elif ended is not None:
        job.state, job.result, job.ended_at, job.leased_until = ended.state, ended.result, now, None
    job.save(update_fields=["state", "result", "ended_at", "leased_until", "progress", "position"])
    return ended is None


def _by_slices(slice_of: Callable[[JobRequest, datetime], bool], word: str) -> Work:
    """Work whose slices tell whether more are left, and whose result is how many it was."""

    def work(job: JobRequest, now: datetime) -> Ended | None:
        return None if slice_of(job, now) else Ended(result={word: job.progress})

    return work


def _measure(job: JobRequest, now: datetime) -> Ended:
    gauges.measure(job.account_id, now=now)
    return Ended()


#: What each kind does in a slice.
#: Single sends are not among them: `orders` works them off by the hundred.
WORK: dict[str, Work] = {
    JobKind.RETRY_MAILS: retries.work,
    JobKind.SCHEDULE_SEND: _by_slices(slices.send_asked, "queued"),
    JobKind.REQUEUE_FAILURES: _by_slices(failures.requeue, "requeued"),
    JobKind.ESTIMATE: _by_slices(estimates.work, "sets"),
    JobKind.FIND_BEHIND: _by_slices(positions.find_behind, "behind"),
    JobKind.MEASURE: _measure,
    JobKind.PREFLIGHT: preflights.work,
    JobKind.IMPORT_RECIPIENTS: recipient_imports.work,
    JobKind.IMPORT_SUPPRESSIONS: suppression_imports.work,
    JobKind.REPORT: writing.work,
    JobKind.REPORT_DELIVERIES: deliveries.work,
    JobKind.DATA_REQUEST: data_requests.work,
}
