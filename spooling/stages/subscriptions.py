"""Subscriptions: how they begin, and how one leads to the next."""

from __future__ import annotations

from datetime import datetime

from spooling.models import Subscription


def create(subscription: Subscription, *, now: datetime) -> Subscription:
    """Store a new subscription and count it. Its first message goes out with its schedule's next run."""
    raise NotImplementedError
