"""The Celery tasks and the few fixed ticks of beat. Each loads and calls one verb; none carries a mail."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from spooling import control, stopping, wakeups
from spooling.delivery import drain as delivery
from spooling.models.spoolers import Lane
from spooling.stages import calls, runs
from spooling.webhooks import turns

#: How long one task works on runs before the queue's next task has its turn.
STAGES_SECONDS = 3.0

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
    "stages": {
        "task": "spooling.stages",
        "schedule": 1.0,
        "options": {"queue": "control", "expires": wakeups.STAGES_EXPIRE_SECONDS},
    },
    "webhooks": {
        "task": "spooling.webhooks",
        "schedule": 1.0,
        "options": {"queue": "control", "expires": 5.0},
    },
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


@shared_task(name="spooling.stages")
def stages() -> None:
    """Stage-based messages that are due, for STAGES_SECONDS: what nobody asks for each second is not kept waiting."""
    now = timezone.now()
    calls.start(now=now)
    if runs.tick(now=now, seconds=STAGES_SECONDS):
        wakeups.wake_stages()


@shared_task(name="spooling.webhooks")
def webhooks() -> int:
    """Begin to tell webhooks what is new."""
    return turns.start_due(now=timezone.now())


@shared_task(name="spooling.housekeeping")
def housekeeping() -> None:
    """What is tidied every minute."""
    control.tidy(now=timezone.now())
