"""What may be asked for. Each call stores one job for the control tick; its public id is the wire's task id."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Max

from spooling.models import JobRequest, Schedule, SendFailure, Subscription
from spooling.models.jobs import JobKind, JobState


def ask_send(subscription: Subscription, *, now: datetime) -> JobRequest:
    """Send the message that is next now. Asked for several times before it went out, it goes out once."""
    job = send_of(subscription, now=now)
    job.save()
    return job


def ask_resend(subscription: Subscription, *, now: datetime) -> JobRequest:
    """Send the last message once more; the position stays."""
    return _ask(subscription.account_id, JobKind.RESEND, now, subscription=subscription.pk)


def ask_schedule_send(schedule: Schedule, *, now: datetime) -> JobRequest:
    """Send every subscription on it that is ready its next message."""
    return _ask(schedule.account_id, JobKind.SCHEDULE_SEND, now, schedule=schedule.pk)


def ask_requeue(account_id: int, *, now: datetime) -> JobRequest:
    """Turn every failure of the account that there is now into a new send."""
    newest = SendFailure.objects.filter(account=account_id).aggregate(newest=Max("id"))["newest"]
    return _ask(account_id, JobKind.REQUEUE_FAILURES, now, newest=newest or 0)


def ask_estimate(account_id: int, *, now: datetime) -> JobRequest:
    """Estimate what today's runs reach, set by set."""
    return _ask_once(account_id, JobKind.ESTIMATE, now, day=now.date().isoformat())


def ask_find_behind(account_id: int, *, now: datetime) -> JobRequest:
    """Find the ready subscriptions that are behind their schedule."""
    return _ask_once(account_id, JobKind.FIND_BEHIND, now)


def ask_measure(account_id: int, *, now: datetime) -> JobRequest:
    """Set the gauges of the account's metrics."""
    return _ask_once(account_id, JobKind.MEASURE, now)


def send_of(subscription: Subscription, *, now: datetime, **state: Any) -> JobRequest:
    """Not stored: what `ask_send` stores. `state`: further columns of a job that does not just wait."""
    # Only the number that is next now is to be sent.
    arguments = {"subscription": subscription.pk, "number": subscription.next_sequence_number}
    return JobRequest(
        account_id=subscription.account_id, kind=JobKind.SEND, arguments=arguments, created_at=now, **state
    )


def _ask_once(account_id: int, kind: JobKind, now: datetime, **arguments: Any) -> JobRequest:
    """The same job again while nobody has begun it: it will see all that there is now."""
    alike = JobRequest.objects.filter(
        account=account_id, kind=kind, arguments=arguments, state=JobState.WAITING
    )
    return alike.order_by("id").first() or _ask(account_id, kind, now, **arguments)


def _ask(account_id: int, kind: JobKind, now: datetime, **arguments: Any) -> JobRequest:
    return JobRequest.objects.create(account_id=account_id, kind=kind, arguments=arguments, created_at=now)
