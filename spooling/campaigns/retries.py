"""Retrying a spooler's mails: all that failed, were held or are in doubt, or a choice of them, as a job."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from spooling import errors, ledger
from spooling.endings import Ended
from spooling.models import JobRequest, Mail, Spooler
from spooling.models.jobs import JobKind, JobState
from spooling.models.spoolers import SpoolerState
from spooling.outbox import moves


@transaction.atomic
def ask(
    spooler: Spooler, *, states: Sequence[str] = moves.RETRIED, codes: Sequence[int] = (), now: datetime
) -> JobRequest:
    """Let all its mails wait again that are in one of these states at `now`: each once, whatever becomes of it.

    With `codes`, those only whose last reply had one of them. Raises SpoolerStateConflict when it is cancelled.
    """
    _require_open(spooler.pk)
    figures = ledger.of_spooler(spooler.pk)
    return JobRequest.objects.create(
        account_id=spooler.account_id,
        kind=JobKind.RETRY_MAILS,
        arguments={
            "spooler": spooler.pk,
            "newest": Mail.objects.filter(spooler=spooler).newest_id(),
            "states": sorted(states),
            "codes": sorted(codes),
        },
        total=None if codes else sum(figures[state] for state in states),
        created_at=now,
    )


def work(job: JobRequest, now: datetime) -> Ended | None:
    """Retry among the next mails."""
    try:
        spooler = _require_open(job.arguments["spooler"])
    except errors.SpoolerStateConflict as refused:
        return Ended(state=JobState.FAILED, result={"code": refused.code, "message": refused.message})
    last = _last_of_slice(job)
    retried = moves.retry(
        _asked_for(job, last), states=job.arguments["states"], why="its spooler was retried", now=now
    )
    if retried and spooler.ended_at is not None:
        # What waits again can be paused, and lets it end once more.
        Spooler.objects.filter(pk=spooler.pk).update(ended_at=None)
    job.progress += retried
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
    asked = Mail.objects.filter(
        Q(ended_at=None) | Q(ended_at__lte=job.created_at),
        spooler=job.arguments["spooler"],
        pk__gt=job.position,
        pk__lte=last,
        erased_at=None,
    )
    codes: Collection[int] = job.arguments["codes"]
    return asked.filter(last_code__in=codes) if codes else asked


def _require_open(spooler_id: int) -> Spooler:
    """Locked, so that a mail put back before the spooler is cancelled is seen by the sweep of that."""
    spooler = Spooler.objects.select_for_update(no_key=True).get(pk=spooler_id)
    if spooler.state == SpoolerState.CANCELLED:
        raise errors.SpoolerStateConflict
    return spooler
