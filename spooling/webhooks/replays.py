"""A webhook is told the events of some time once more, beside what is new to it. The job stands outside of
`jobs.WORK`: its slices are calls, which no transaction may hold open.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from earwig.errors import Unsealable
from spooling.models import JobRequest
from spooling.models.jobs import JobKind, JobState
from spooling.webhooks import calls
from stats import cursors, errors, events, periods, webhook_leases, webhooks
from stats.models import Event, Webhook

#: After which a replay lets others go first.
TURN_SECONDS = 10.0
#: Events are looked for from so much earlier on: a transaction that was open then may hold some of them.
_OVERLAP = timedelta(minutes=1)
#: Before any event. A year 1 that somebody asks for has no minute before it.
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_OPEN = (JobState.WAITING, JobState.RUNNING)


@transaction.atomic
def ask(webhook: Webhook, *, since: datetime, until: datetime, now: datetime) -> JobRequest:
    """Have the events from `since` to before `until`, or to now, told again; the store's order, the same ids.

    What was recorded more than a day after it happened may be missing.
    Raises WebhookPaused, and WebhookRefused when nothing lies in between or a replay of it is open.
    """
    held = Webhook.objects.select_for_update().get(pk=webhook.pk)
    if held.paused_at is not None:
        raise errors.WebhookPaused
    until = min(until, now)
    if since >= until:
        raise errors.WebhookRefused("`since` is before `until`, and not in the future.")
    if _jobs(_OPEN).filter(arguments__webhook=held.pk).exists():
        raise errors.WebhookRefused("A replay of this webhook is not done yet.")
    return JobRequest.objects.create(
        account_id=held.account_id,
        kind=JobKind.REPLAY_EVENTS,
        arguments={
            "webhook": held.pk,
            "since": since.isoformat(),
            "until": until.isoformat(),
            **_bounds(since, until, now),
        },
        created_at=now,
    )


def _bounds(since: datetime, until: datetime, now: datetime) -> dict[str, str | None]:
    """Between which positions the events of that time lie, so that no others are read. No end: all that came since."""
    late = until + periods.LATENESS
    end = cursors.past_moment(late).token if late < now else None
    start = cursors.of_moment(max(since, _BEGINNING) - _OVERLAP)
    return {"position": start.token, "end": end}


def due(*, now: datetime) -> QuerySet[JobRequest]:
    """Open replays of active accounts that nobody works on, the longest waiting first."""
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    return (
        _jobs(_OPEN)
        .filter(free, account__active=True)
        .order_by(models.F("leased_until").asc(nulls_first=True), "id")
    )


def take(job: JobRequest, *, now: datetime) -> bool:
    """Lease it. False: somebody else has."""
    until = now + webhook_leases.lease()
    taken = due(now=now).order_by().filter(pk=job.pk).update(state=JobState.RUNNING, leased_until=until)
    if taken:
        job.refresh_from_db()
    return bool(taken) and job.leased_until == until


def turn(job: JobRequest) -> None:
    """Tell a leased replay's events for TURN_SECONDS; a call that fails is made again later."""
    ends = time.monotonic() + TURN_SECONDS
    while time.monotonic() < ends:
        webhook = Webhook.objects.filter(pk=job.arguments["webhook"]).first()
        ended = _gone() if webhook is None else _told(job, webhook, ends)
        if ended is not None:
            _settle(job, ended)
            return
    _settle(job, _Pause(until=timezone.now()))


@dataclass(frozen=True, slots=True)
class _End:
    state: JobState
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Pause:
    until: datetime
    tries: int = 0


def _told(job: JobRequest, webhook: Webhook, ends: float) -> _End | _Pause | None:
    """As `_tell_some`, also where nothing signs the calls."""
    try:
        return _tell_some(job, webhook, ends)
    except Unsealable:
        webhook_leases.note(webhook, replace(calls.UNSIGNED, replay=True), now=timezone.now())
        return _failed_at(job, timezone.now())


def _tell_some(job: JobRequest, webhook: Webhook, ends: float) -> _End | _Pause | None:
    """None: there is more."""
    if webhook.paused_at is not None or webhook.verified_at is None:
        return _failed_at(job, timezone.now())
    position = cursors.of_token(job.arguments["position"])
    found, behind = events.after(position, _rows(job, webhook), limit=calls.TOGETHER)
    for parcel in calls.format_of(webhook).parcels(webhook, found, replay=True, now=timezone.now()):
        if time.monotonic() > ends:
            return None
        outcome = calls.call(webhook, parcel, replay=True)
        webhook_leases.note(webhook, outcome, now=timezone.now())
        if not outcome.taken:
            return _gone() if outcome.unwanted else _failed_at(job, timezone.now())
        if not _move(job, parcel.position, len(parcel.events)):
            return _Pause(until=timezone.now())
    _move(job, behind, 0)
    return None if len(found) == calls.TOGETHER else _End(JobState.DONE, {"events": job.progress})


def _rows(job: JobRequest, webhook: Webhook) -> QuerySet[Event]:
    rows = webhooks.events_for(webhook).filter(
        at__gte=datetime.fromisoformat(job.arguments["since"]),
        at__lt=datetime.fromisoformat(job.arguments["until"]),
    )
    end = job.arguments["end"]
    return rows if end is None else cursors.below(rows, cursors.of_token(end))


def _move(job: JobRequest, position: cursors.Position, told: int) -> bool:
    job.arguments["position"], job.progress, job.tries = position.token, job.progress + told, 0
    until = timezone.now() + webhook_leases.lease()
    moved = _ours(job).update(arguments=job.arguments, progress=job.progress, tries=0, leased_until=until)
    job.leased_until = until
    return bool(moved)


def _failed_at(job: JobRequest, now: datetime) -> _End | _Pause:
    webhook = Webhook.objects.filter(pk=job.arguments["webhook"]).first()
    if webhook is None or now - job.created_at >= webhook_leases.patience(webhook):
        return _gone()
    return _Pause(until=now + webhook_leases.delay(job.tries + 1), tries=job.tries + 1)


def _gone() -> _End:
    return _End(
        JobState.FAILED, {"code": "target_unanswered", "message": "The webhook is gone, or takes no calls."}
    )


def _settle(job: JobRequest, ended: _End | _Pause) -> None:
    if isinstance(ended, _Pause):
        _ours(job).update(state=JobState.WAITING, leased_until=ended.until, tries=ended.tries)
    else:
        _ours(job).update(state=ended.state, result=ended.result, ended_at=timezone.now(), leased_until=None)


def _ours(job: JobRequest) -> QuerySet[JobRequest]:
    return JobRequest.objects.filter(pk=job.pk, state=JobState.RUNNING, leased_until=job.leased_until)


def _jobs(states: tuple[JobState, ...]) -> QuerySet[JobRequest]:
    return JobRequest.objects.filter(kind=JobKind.REPLAY_EVENTS, state__in=states)
