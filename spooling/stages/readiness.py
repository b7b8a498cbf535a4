"""Taking single subscriptions out of sending and putting them back, by staff."""

from __future__ import annotations

from datetime import datetime

from spooling import errors
from spooling.models import Subscription
from spooling.models.subscriptions import ProcessStatus


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


def _require(changed: int, otherwise: str) -> None:
    if not changed:
        raise errors.SubscriptionStateConflict(otherwise)
