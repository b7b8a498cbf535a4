"""How accepted jobs end, or pause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from spooling.models import JobRequest
from spooling.models.jobs import JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a job ends."""

    state: JobState = JobState.DONE
    result: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waits:
    """A job can go on from then on."""

    until: datetime


#: Does a slice of a job: moves its position and progress, and tells how it ends; None: it goes on.
Work = Callable[[JobRequest, datetime], Ended | Waits | None]
