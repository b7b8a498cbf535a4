"""The Celery tasks and the few fixed ticks of beat. Each loads and calls one verb; none carries a mail."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from spooling import control, stopping, wakeups
from spooling.delivery import drain as delivery
from spooling.models.spoolers import Lane

#: Beat's schedule: name → task, period and queue.
BEAT = {
    f"wake-{lane}": {
        "task": "spooling.drain",
        "schedule": 5.0,
        "args": (lane,),
        "options": {"queue": lane, "expires": wakeups.EXPIRES_SECONDS},
    }
    for lane in Lane.values
} | {
    "control": {"task": "spooling.control", "schedule": 1.0, "options": {"queue": "control", "expires": 5.0}},
    "housekeeping": {
        "task": "spooling.housekeeping",
        "schedule": 60.0,
        "options": {"queue": "control", "expires": 60.0},
    },
}


@shared_task(name="spooling.drain")
def drain(lane: str) -> int:
    """Send the lane's due mail for DRAIN_SECONDS."""
    return delivery.Drain(lane, seconds=settings.DRAIN_SECONDS, stop=stopping.asked).run()


@shared_task(name="spooling.control")
def control_tick() -> None:
    """What is mended every second."""
    control.tick(now=timezone.now())


@shared_task(name="spooling.housekeeping")
def housekeeping() -> None:
    """What is tidied every minute."""
    control.tidy(now=timezone.now())
