"""Single sends and resends that somebody asked for, worked off by the hundred: an external scheduler asks for 100,000.

A job that waits is worked in one transaction with its outcome. One that needs the network is set to running, and
`calls` takes it from there.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.db.models import F, Q, QuerySet

from spooling.models import JobRequest, Subscription
from spooling.models.jobs import JobKind, JobState
from spooling.outbox import backoff
from spooling.stages import failures, requests, sends
from spooling.stages.planning import Batch
from spooling.stages.sends import Outcome

KINDS = (JobKind.SEND, JobKind.RESEND)
#: Jobs of one transaction.
BATCH = 500
#: Tries after the first that a fault of some while gets.
RETRIES = 5
#: For how long one can ask what became of a send.
KEPT = timedelta(days=7)
PRUNED_EVERY, MOST_PRUNED = timedelta(hours=1), 50_000
#: The outcome of a job whose subscription was not ready, or had moved on.
SKIPPED = {"outcome": "skipped"}
NOT_READY = {"code": "not_ready", "message": "The subscription is not ready."}


def work(*, now: datetime, seconds: float) -> None:
    """Work off what waits, oldest first, for so long."""
    ends = time.monotonic() + seconds
    while _work_batch(now) and time.monotonic() < ends:
        pass


def prune(*, now: datetime) -> int:
    """Once an hour, delete sends that ended KEPT ago, some thousand at a time: there are as many as messages."""
    if not cache.add("stages.orders.prune", 1, timeout=PRUNED_EVERY.total_seconds()):
        return 0
    ended = JobRequest.objects.filter(kind__in=KINDS, ended_at__lt=now - KEPT)
    ids = list(ended.order_by("pk").values_list("pk", flat=True)[:MOST_PRUNED])
    return JobRequest.objects.filter(pk__in=ids).delete()[0]


def waiting(now: datetime, state: JobState = JobState.WAITING) -> QuerySet[JobRequest]:
    """Sends and resends in that state that are due, oldest first."""
    due = Q(leased_until=None) | Q(leased_until__lte=now)
    return JobRequest.objects.filter(due, kind__in=KINDS, state=state).order_by("id")


def together(jobs: QuerySet[JobRequest], most: int) -> list[JobRequest]:
    """Lock the first of an account and kind; what somebody else has locked is left to them.

    Whose, by chance: an account that asks for thousands, or whose service is silent, keeps no other waiting.
    """
    groups = list(jobs.order_by().values_list("account_id", "kind").distinct())
    if not groups:
        return []
    account_id, kind = random.choice(groups)
    alike = jobs.filter(account=account_id, kind=kind)
    return list(alike.select_for_update(skip_locked=True)[:most])


def subscriptions_of(jobs: Iterable[JobRequest]) -> dict[int, Subscription]:
    """Lock them, in the order in which everybody does."""
    ids = {job.arguments["subscription"] for job in jobs}
    locked = Subscription.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    return {subscription.pk: subscription for subscription in locked}


def is_wanted(job: JobRequest, subscription: Subscription | None) -> bool:
    """Whether the job still has something to do: nobody sent that number, and the subscription is ready."""
    if subscription is None or not subscription.is_ready:
        return False
    return job.arguments.get("number") in (None, subscription.next_sequence_number)


def wanted_of(
    jobs: Sequence[JobRequest], subscriptions: Mapping[int, Subscription], now: datetime
) -> tuple[dict[int, JobRequest], list[JobRequest]]:
    """By subscription the first job that has something to do now, and the jobs that have not."""
    wanted: dict[int, JobRequest] = {}
    rest = []
    for job in jobs:
        pk = job.arguments["subscription"]
        subscription = subscriptions.get(pk)
        free = subscription is not None and not subscription.is_locked(now)
        if pk not in wanted and free and is_wanted(job, subscription):
            wanted[pk] = job
        else:
            rest.append(job)
    return wanted, rest


def dismiss(jobs: Sequence[JobRequest], subscriptions: Mapping[int, Subscription], *, now: datetime) -> None:
    """Jobs that have nothing to do now. A send ends quietly.

    A resend waits for who holds its subscription; it leaves a failure where that is not ready (contract §4.4).
    """
    resends = [job for job in jobs if job.kind == JobKind.RESEND]
    conclude([job for job in jobs if job.kind != JobKind.RESEND], SKIPPED, now=now)
    unready = []
    for job in resends:
        subscription = subscriptions.get(job.arguments["subscription"])
        if subscription is None or not subscription.is_ready:
            unready.append(job)
        elif subscription.is_locked(now):
            JobRequest.objects.filter(pk=job.pk).update(leased_until=subscription.locked_until)
    told = {job.arguments["subscription"]: NOT_READY["message"] for job in unready}
    if unready:
        kept = {pk: why for pk, why in told.items() if pk in subscriptions}
        failures.note(unready[0].account_id, kept, now=now)
    conclude(unready, NOT_READY, now=now)


def postpone(jobs: Sequence[JobRequest], reasons: Mapping[int, str], *, now: datetime) -> None:
    """What failed for a while is tried again later, each time later; after RETRIES it is kept as a failure.

    `reasons` by subscription.
    """
    by_tries: defaultdict[int, list[JobRequest]] = defaultdict(list)
    for job in jobs:
        by_tries[job.tries + 1].append(job)
    for tries, alike in by_tries.items():
        if tries > RETRIES:
            _give_up(alike, reasons, now)
            continue
        for job in alike:
            job.tries, job.leased_until = tries, now + backoff.delay(tries, random.random())
        JobRequest.objects.bulk_update(alike, ["tries", "leased_until"], batch_size=100)


def conclude(jobs: Iterable[JobRequest], result: Mapping[str, Any], *, now: datetime) -> None:
    """End them; one with a `code` has failed."""
    state = JobState.FAILED if "code" in result else JobState.DONE
    ids = [job.pk for job in jobs]
    if ids:
        JobRequest.objects.filter(pk__in=ids).update(
            state=state, result=result, ended_at=now, leased_until=None
        )


def settle(jobs: Sequence[JobRequest], outcome: Outcome, *, now: datetime) -> None:
    """Bring what became of the subscriptions to their jobs; those that need a call stay as they are."""
    by_reason: defaultdict[str, list[JobRequest]] = defaultdict(list)
    ended: defaultdict[str, list[JobRequest]] = defaultdict(list)
    for job in jobs:
        pk = job.arguments["subscription"]
        if pk in outcome.failed:
            by_reason[outcome.failed[pk]].append(job)
        elif pk in outcome.sent or pk in outcome.unreachable:
            ended["sent" if pk in outcome.sent else "unreachable"].append(job)
    for word, alike in ended.items():
        conclude(alike, {"outcome": word}, now=now)
    for reason, alike in by_reason.items():
        conclude(alike, {"code": "failed", "message": reason}, now=now)
    postpone([job for job in jobs if job.arguments["subscription"] in outcome.later], outcome.later, now=now)


def call_for(subscriptions: Sequence[Subscription], *, now: datetime) -> None:
    """Ask for sends that need the network, as jobs that `calls` finds at once."""
    state = {"state": JobState.RUNNING, "leased_until": now}
    jobs = [requests.send_of(subscription, now=now, **state) for subscription in subscriptions]
    JobRequest.objects.bulk_create(jobs, batch_size=1000)


def retry_for(subscriptions: Sequence[Subscription], *, now: datetime) -> None:
    """Ask for sends whose first try has just failed for a while."""
    jobs = [requests.send_of(subscription, now=now, tries=1) for subscription in subscriptions]
    for job in jobs:
        job.leased_until = now + backoff.delay(1, random.random())
    JobRequest.objects.bulk_create(jobs, batch_size=1000)


@transaction.atomic
def _work_batch(now: datetime) -> bool:
    """One account's next jobs of a kind; whether there were any."""
    jobs = together(waiting(now), BATCH)
    if not jobs:
        return False
    subscriptions = subscriptions_of(jobs)
    wanted, rest = wanted_of(jobs, subscriptions, now)
    batch = Batch(
        account_id=jobs[0].account_id,
        subscriptions=[subscriptions[pk] for pk in wanted],
        resend=jobs[0].kind == JobKind.RESEND,
    )
    outcome = sends.send(batch, now=now)
    settle(list(wanted.values()), outcome, now=now)
    _hold([wanted[subscription.pk] for subscription in outcome.calls], now)
    dismiss(rest, subscriptions, now=now)
    return True


def _hold(jobs: Sequence[JobRequest], now: datetime) -> None:
    """Leave them to `calls`."""
    ids = [job.pk for job in jobs]
    if ids:
        JobRequest.objects.filter(pk__in=ids).update(state=JobState.RUNNING, leased_until=now)


def _give_up(jobs: Sequence[JobRequest], reasons: Mapping[int, str], now: datetime) -> None:
    kept = {pk: reasons[pk] for pk in (job.arguments["subscription"] for job in jobs)}
    failures.note(jobs[0].account_id, kept, now=now)
    by_reason: defaultdict[str, list[JobRequest]] = defaultdict(list)
    for job in jobs:
        by_reason[kept[job.arguments["subscription"]]].append(job)
    for reason, alike in by_reason.items():
        JobRequest.objects.filter(pk__in=[job.pk for job in alike]).update(tries=F("tries") + 1)
        conclude(alike, {"code": "gave_up", "message": reason}, now=now)
