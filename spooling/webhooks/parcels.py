"""What one call of a webhook carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stats import cursors
from stats.models import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A body, the headers that go with it, and the events that it tells, in order."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    events: Sequence[Event] = ()

    @property
    def position(self) -> cursors.Position:
        """Behind the events."""
        return cursors.behind(self.events[-1])
