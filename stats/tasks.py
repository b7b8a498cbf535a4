"""The Celery tasks of figures. Each calls one verb."""

from __future__ import annotations

from celery import shared_task

from stats import pushes, rollups

#: Beat's schedule: name → task, period and queue.
BEAT = {
    "roll-events": {
        "task": "stats.roll_events",
        "schedule": 1.0,
        "options": {"queue": "control", "expires": 1.0},
    },
    "push-metrics": {
        "task": "stats.push_metrics",
        "schedule": 60.0,
        "options": {"queue": "control", "expires": 60.0},
    },
}


@shared_task(name="stats.push_metrics")
def push_metrics() -> int:
    """Tell METRICS_URL what changed."""
    return pushes.push_changed()


@shared_task(name="stats.roll_events")
def roll_events() -> int:
    """Sum up the newest events, so that figures cost little."""
    return rollups.roll()
