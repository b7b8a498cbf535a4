"""The moves of a spooler's life as calls ask for them: one that leads where the spooler is already changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from spooling import errors, spoolers
from spooling.campaigns import launches
from spooling.models import Spooler
from spooling.models.spoolers import RUNNING, SpoolerState


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A verb, and whether what it leads to is so."""

    verb: Callable[..., None]
    reached: Callable[[Spooler], bool]

    def make(self, spooler: Spooler, *, now: datetime) -> bool:
        """Whether something was done. Raises what the verb raises."""
        if self.reached(spooler):
            return False
        try:
            self.verb(spooler, now=now)
        except errors.SpoolerStateConflict:
            # Another call may have led there meanwhile.
            spooler.refresh_from_db()
            if self.reached(spooler):
                return False
            raise
        return True


def is_going(spooler: Spooler) -> bool:
    """Whether it was launched, is not paused and has not ended."""
    return spooler.state in RUNNING and spooler.ended_at is None


def is_paused(spooler: Spooler) -> bool:
    return spooler.state == SpoolerState.PAUSED


def _is_closed(spooler: Spooler) -> bool:
    return spooler.closed_at is not None and spooler.state != SpoolerState.CANCELLED


def _is_cancelled(spooler: Spooler) -> bool:
    return spooler.state == SpoolerState.CANCELLED


READY = Transition(verb=launches.launch, reached=is_going)
PAUSE = Transition(verb=spoolers.pause, reached=is_paused)
RESUME = Transition(verb=spoolers.resume, reached=is_going)
FINISH = Transition(verb=spoolers.finish, reached=_is_closed)
CANCEL = Transition(verb=spoolers.cancel, reached=_is_cancelled)
#: By the names under which calls and the audit trail know them.
ALL = {"ready": READY, "pause": PAUSE, "resume": RESUME, "finish": FINISH, "cancel": CANCEL}
