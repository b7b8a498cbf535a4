"""Sends that need another service first: the address of an identity from the remote store, or the webhook.

Outside of transactions, several at a time. Meanwhile `locked_until` keeps everybody else from the subscription, and the
job's lease from the job: both run out if this process dies, and the job is taken up again.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db import connection, transaction

from spooling.models import JobRequest, Subscription
from spooling.models.jobs import JobKind, JobState
from spooling.stages import (
    failures,
    gauges,
    identity_store,
    orders,
    planning,
    sends,
    web_calls,
    webhooks,
    wordings,
)
from spooling.stages.planning import Batch, Letter, Plan
from spooling.stages.sends import Outcome
from stats import metrics

#: Calls at once, and jobs that are taken together: their calls end long before the lock does.
THREADS = 8
TAKEN = 2 * THREADS
#: Of a turn's thread.
TURN_SECONDS = 60.0
NO_WEBHOOK = "The account has no webhook."

_Argument = TypeVar("_Argument")
_Answer = TypeVar("_Answer")
_turn = threading.Lock()


@dataclass(frozen=True, slots=True)
class _Taken:
    """Jobs of one account and kind, with their subscriptions, held until a moment."""

    jobs: list[JobRequest]
    subscriptions: list[Subscription]
    until: datetime

    @property
    def account_id(self) -> int:
        return self.jobs[0].account_id

    def batch(self, answers: Mapping[int, str | None]) -> Batch:
        return Batch(
            account_id=self.account_id,
            subscriptions=self.subscriptions,
            resend=self.jobs[0].kind == JobKind.RESEND,
            answers=answers,
        )


@dataclass(slots=True)
class _Answers:
    """By subscription: what the services said, which calls failed, and which messages nobody can hand over."""

    addresses: dict[int, str | None] = field(default_factory=dict)
    handed: dict[int, str] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    unusable: dict[int, str] = field(default_factory=dict)
    metrics: Counter[str] = field(default_factory=Counter)


def start(*, now: datetime) -> None:
    """Work off what is due in a thread of its own, unless this process does so already. Returns at once."""
    if orders.waiting(now, JobState.RUNNING).exists() and _turn.acquire(blocking=False):
        threading.Thread(target=_turn_of, args=(now,), daemon=True).start()


def work(*, now: datetime, seconds: float) -> None:
    """Work off what is due for so long; a call under way is waited for."""
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < seconds:
        if not _work_batch(now + timedelta(seconds=passed)):
            return


def _turn_of(now: datetime) -> None:
    try:
        work(now=now, seconds=TURN_SECONDS)
    finally:
        connection.close()
        _turn.release()


def _work_batch(now: datetime) -> bool:
    """Take some jobs, call, settle; whether there were any."""
    begun = time.monotonic()
    taken, any_left = _take(now)
    if taken is not None:
        answers = _ask(taken, now)
        _settle(taken, answers, now + timedelta(seconds=time.monotonic() - begun))
    return any_left


@transaction.atomic
def _take(now: datetime) -> tuple[_Taken | None, bool]:
    """Lease the next jobs of an account and lock their subscriptions; what is not wanted ends here."""
    jobs = orders.together(orders.waiting(now, JobState.RUNNING), TAKEN)
    locked = orders.subscriptions_of(jobs)
    wanted, rest = orders.wanted_of(jobs, locked, now)
    orders.dismiss(rest, locked, now=now)
    if not wanted:
        return None, bool(jobs)
    until = now + timedelta(seconds=settings.SUBSCRIPTION_LOCK_TIMEOUT)
    JobRequest.objects.filter(pk__in=[job.pk for job in wanted.values()]).update(leased_until=until)
    Subscription.objects.filter(pk__in=wanted).update(locked_until=until)
    return _Taken(list(wanted.values()), [locked[pk] for pk in wanted], until), True


def _ask(taken: _Taken, now: datetime) -> _Answers:
    """First the addresses that nobody here knows, then the webhook for those whom it is for."""
    answers = _Answers()
    plan = planning.plan(taken.batch({}), now=now)
    unknown = {each.pk: each.identity for each in plan.unknown}
    answers.addresses = _together(identity_store.address, unknown, answers)
    if unknown:
        plan = planning.plan(taken.batch(answers.addresses), now=now)
    _post(taken, plan, answers)
    return answers


def _post(taken: _Taken, plan: Plan, answers: _Answers) -> None:
    """Hand to the webhook what is for it; dry sets only as far as that."""
    resend = taken.jobs[0].kind == JobKind.RESEND
    letters = {letter.subscription.pk: letter for letter in plan.posts}
    service = webhooks.of_account(taken.account_id) if letters else None
    documents = {}
    for pk, letter in letters.items():
        if sends.is_dry(letter.message_set.pk):
            answers.handed[pk] = ""
        elif service is None:
            answers.unusable[pk] = NO_WEBHOOK
        elif (document := _document(letter, resend, answers)) is not None:
            documents[pk] = document
    if service is not None:
        known = service
        answers.handed |= _together(lambda document: webhooks.post(known, document), documents, answers)


def _document(letter: Letter, resend: bool, answers: _Answers) -> dict[str, object] | None:
    try:
        return webhooks.payload(letter, resend=resend)
    except wordings.Unusable as error:
        answers.unusable[letter.subscription.pk] = error.message
        return None


def _together(
    call: Callable[[_Argument], _Answer], arguments: Mapping[int, _Argument], answers: _Answers
) -> dict[int, _Answer]:
    """The answer to each, THREADS at a time; those that failed are noted."""

    def guarded(argument: _Argument) -> _Answer | web_calls.CallFailed:
        try:
            return call(argument)
        except web_calls.CallFailed as failed:
            return failed

    if not arguments:
        return {}
    with ThreadPoolExecutor(THREADS) as pool:
        results = dict(zip(arguments, pool.map(guarded, arguments.values()), strict=True))
    found: dict[int, _Answer] = {}
    for pk, result in results.items():
        if isinstance(result, web_calls.CallFailed):
            answers.failed[pk] = result.reason
            answers.metrics[gauges.call_failed(result.metric)] += 1
        else:
            found[pk] = result
    return found


@transaction.atomic
def _settle(taken: _Taken, answers: _Answers, now: datetime) -> None:
    """Bring the answers to subscriptions and jobs, as far as they are still ours."""
    jobs = {job.arguments["subscription"]: job for job in _still_leased(taken)}
    locked = orders.subscriptions_of(jobs.values())
    left = dict(jobs)
    failed = {pk: reason for pk, reason in answers.failed.items() if pk in left}
    orders.postpone([left.pop(pk) for pk in failed], failed, now=now)
    unusable = {pk: reason for pk, reason in answers.unusable.items() if pk in left}
    orders.settle([left.pop(pk) for pk in unusable], Outcome(failed=unusable), now=now)
    failures.note(taken.account_id, unusable, now=now)
    due = {pk: job for pk, job in left.items() if _is_due(job, locked.get(pk), taken, answers)}
    orders.dismiss([job for pk, job in left.items() if pk not in due], locked, now=now)
    _send(taken, {pk: (job, locked[pk]) for pk, job in due.items()}, answers, now)
    Subscription.objects.filter(pk__in=jobs, locked_until=taken.until).update(locked_until=None)
    metrics.add(taken.account_id, answers.metrics, now=now)


def _still_leased(taken: _Taken) -> list[JobRequest]:
    """The jobs that nobody else has taken since."""
    ids = [job.pk for job in taken.jobs]
    held = JobRequest.objects.select_for_update().filter(
        pk__in=ids, state=JobState.RUNNING, leased_until=taken.until
    )
    return list(held.order_by("pk"))


def _is_due(job: JobRequest, subscription: Subscription | None, taken: _Taken, answers: _Answers) -> bool:
    """Whether it moves on. What the webhook has taken counts, though the subscription was deactivated since."""
    if subscription is None or subscription.locked_until != taken.until:
        return False
    if subscription.pk in answers.handed:
        return job.arguments.get("number") in (None, subscription.next_sequence_number)
    return orders.is_wanted(job, subscription)


def _send(
    taken: _Taken, due: Mapping[int, tuple[JobRequest, Subscription]], answers: _Answers, now: datetime
) -> None:
    batch = replace(
        taken.batch(answers.addresses),
        subscriptions=[subscription for _, subscription in due.values()],
        handed={pk: given for pk, given in answers.handed.items() if pk in due},
    )
    outcome = sends.send(batch, now=now)
    orders.settle([job for job, _ in due.values()], outcome, now=now)
    # Its set has another channel than a moment ago, or its address is gone: from the start.
    again = [due[each.pk][0].pk for each in outcome.calls]
    JobRequest.objects.filter(pk__in=again).update(leased_until=now)
