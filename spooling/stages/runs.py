"""The runs of schedules: each due time happens once, whoever ticks, and ends also after a restart."""

from __future__ import annotations

from datetime import datetime

from spooling.models import Schedule


def place(schedule: Schedule, *, now: datetime) -> None:
    """Set and save when it runs next, after it was made or its fields were changed.

    A run that is due already under the same fields stays due.
    """
    raise NotImplementedError


def tick(*, now: datetime, seconds: float) -> bool:
    """Open the runs that are due and work on open ones for so long; whether more is left."""
    raise NotImplementedError
