"""Signs of life of the workers: what readiness shows, and an operator looks at first."""

from __future__ import annotations

from datetime import datetime

from spooling.models import Heartbeat
from spooling.models.spoolers import Lane

CONTROL = "control"
QUEUES = (*Lane.values, CONTROL)


def beat(queue: str, *, now: datetime) -> None:
    """A worker of this queue is at work."""
    Heartbeat.objects.update_or_create(queue=queue, defaults={"at": now})


def silent_seconds(*, now: datetime) -> dict[str, int | None]:
    """For each queue how long ago a worker was at work; None: never."""
    last = dict(Heartbeat.objects.values_list("queue", "at"))
    return {queue: int((now - last[queue]).total_seconds()) if queue in last else None for queue in QUEUES}
