"""Subscriptions: how they begin, how one leads to the next (Seed contract §5.3), how staff stop and restore one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from django.db import transaction

from spooling import errors
from spooling.models import MessageSet, Subscription
from spooling.models.subscriptions import ProcessStatus
from spooling.stages import gauges
from stats import metrics


class _Completed(Protocol):
    """A subscription that is through with a set."""

    @property
    def subscription(self) -> Subscription: ...

    @property
    def message_set(self) -> MessageSet: ...


def create(subscription: Subscription, *, begun_at: datetime | None = None, now: datetime) -> Subscription:
    """Store a new subscription and count it. Its first message goes out with the first run of its schedule after
    `begun_at`, or after `now`.
    """
    with transaction.atomic():
        _stamp(subscription, now)
        subscription.created_at = begun_at or now
        subscription.save(force_insert=True)
        _count([subscription], {subscription.messageset_id: subscription.messageset}, now)
    return subscription


def follow(completed: Sequence[_Completed], *, now: datetime) -> list[Subscription]:
    """Begin the set that comes next for those whose set has one: at its start, on its own schedule.

    Call it in the transaction that completes them.
    """
    next_ids = {done.message_set.next_set_id for done in completed} - {None}
    if not next_ids:
        return []
    sets = MessageSet.objects.in_bulk(next_ids)
    made = [
        _stamp(successor(done.subscription, sets[done.message_set.next_set_id]), now)
        for done in completed
        if done.message_set.next_set_id is not None
    ]
    Subscription.objects.bulk_create(made, batch_size=1000)
    _count(made, sets, now)
    return made


def successor(subscription: Subscription, message_set: MessageSet) -> Subscription:
    """Its subscription to the next set, not stored: nothing but identity and language carries over."""
    return Subscription(
        account_id=subscription.account_id,
        identity=subscription.identity,
        lang=subscription.lang,
        messageset=message_set,
        schedule_id=message_set.default_schedule_id,
    )


def deactivate(subscription: Subscription, *, now: datetime) -> None:
    """Send nothing more. A message that is being sent may still go out. Raises SubscriptionStateConflict."""
    changed = Subscription.objects.filter(pk=subscription.pk, active=True)
    _require(changed.update(active=False, updated_at=now), "The subscription is not active.")


def restore(subscription: Subscription, *, now: datetime) -> None:
    """Make ready what was deactivated, or stopped for want of an address. Raises SubscriptionStateConflict.

    A completed one stays completed: there is nothing left to send.
    """
    changed = Subscription.objects.filter(pk=subscription.pk, completed=False)
    changed = changed.exclude(active=True, process_status=ProcessStatus.READY)
    count = changed.update(active=True, process_status=ProcessStatus.READY, updated_at=now)
    _require(count, "The subscription is ready or completed.")


def _stamp(subscription: Subscription, now: datetime) -> Subscription:
    subscription.created_at = subscription.updated_at = now
    return subscription


def _count(made: Sequence[Subscription], sets: dict[int, MessageSet], now: datetime) -> None:
    counted: Counter[str] = Counter()
    for subscription in made:
        counted.update(gauges.created(sets[subscription.messageset_id], subscription.lang))
    if made:
        metrics.add(made[0].account_id, counted, now=now)


def _require(changed: int, otherwise: str) -> None:
    if not changed:
        raise errors.SubscriptionStateConflict(otherwise)
