"""What may be asked for. Each call stores one job for the control tick; its public id is the wire's task id."""

from __future__ import annotations

from datetime import datetime

from spooling.models import JobRequest, Schedule, Subscription


def ask_send(subscription: Subscription, *, now: datetime) -> JobRequest:
    """Send the message that is next now. Asked for several times before it went out, it goes out once."""
    raise NotImplementedError


def ask_resend(subscription: Subscription, *, now: datetime) -> JobRequest:
    """Send the last message once more; the position stays."""
    raise NotImplementedError


def ask_schedule_send(schedule: Schedule, *, now: datetime) -> JobRequest:
    """Send every subscription on it that is ready its next message."""
    raise NotImplementedError


def ask_requeue(account_id: int, *, now: datetime) -> JobRequest:
    """Turn every failure of the account that there is now into a new send."""
    raise NotImplementedError


def ask_estimate(account_id: int, *, now: datetime) -> JobRequest:
    """Estimate what today's runs reach, set by set."""
    raise NotImplementedError


def ask_find_behind(account_id: int, *, now: datetime) -> JobRequest:
    """Find the ready subscriptions that are behind their schedule."""
    raise NotImplementedError


def ask_measure(account_id: int, *, now: datetime) -> JobRequest:
    """Set the gauges of the account's metrics."""
    raise NotImplementedError
