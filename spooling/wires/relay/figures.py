"""Figures as this wire shows them: every number stands in every item (contract §6.2, quirk 15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from spooling.deliverability import Bucket
from spooling.wires.relay import dates, inputs
from stats import periods
from stats.periods import DAY, HOUR

#: How long a window is that does not say where it begins.
SPANS = {HOUR: timedelta(hours=24), DAY: timedelta(days=30)}
_DELIVERIES = ("total", "sent", "hard_bounced", "soft_bounced", "dropped", "opened", "clicked")
_EVENTS = ("opens", "clicks")


def window(query: Mapping[str, str], *, step: timedelta, now: datetime) -> periods.Window:
    """Raises Invalid."""
    asked = inputs.window(query, now=now, span=SPANS[step])
    return periods.Window(asked.start or asked.end, asked.end)


def of_deliveries(bucket: Bucket) -> dict[str, Any]:
    return _time(bucket) | {name: getattr(bucket, name) for name in _DELIVERIES}


def of_events(bucket: Bucket) -> dict[str, Any]:
    return _time(bucket) | {name: getattr(bucket, name) for name in _EVENTS}


def total(buckets: Sequence[Bucket], whole: periods.Window) -> Bucket:
    """One bucket that has what all of them have."""
    sums = {name: sum(getattr(bucket, name) for bucket in buckets) for name in _DELIVERIES + _EVENTS}
    return Bucket(start=whole.start, end=whole.end, **sums)


def _time(bucket: Bucket) -> dict[str, Any]:
    hours = round(bucket.hours, 4)
    return {
        # Clients' parsers of labels take no fraction.
        "from": dates.written(bucket.start.replace(microsecond=0)),
        "to": dates.written(bucket.end.replace(microsecond=0)),
        "hours": int(hours) if hours == int(hours) else hours,
    }
