"""Sends asked for a whole schedule (Seed contract §4.5)."""

from __future__ import annotations

from datetime import datetime

from spooling.models import JobRequest
from spooling.stages import slices


def work(job: JobRequest, now: datetime) -> bool:
    """Send the next slice of those that were there when it was asked for; whether more are left."""
    done = slices.send(
        slices.Slice(
            account_id=job.account_id,
            schedule_id=job.arguments["schedule"],
            above=job.position,
            created_until=job.created_at,
        ),
        now=now,
    )
    job.progress += done.queued
    job.position = done.last or job.position
    return done.last is not None
