"""The Celery tasks of figures. Each calls one verb."""

from __future__ import annotations

from celery import shared_task

from stats import pushes

#: Beat's schedule: name → task, period and queue.
BEAT = {
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
