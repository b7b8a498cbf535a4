"""Where a spooler stands, as people say it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from earwig.models import AuditEntry
from spooling.models import Spooler
from spooling.models.spoolers import PauseReason, SpoolerState, SpoolerType

_PAUSES = {
    PauseReason.REQUEST: "paused on request",
    PauseReason.FAILURES: "paused by itself: too many of its mails failed",
    PauseReason.DEFERRALS: "paused by itself: too many of its mails were deferred",
    PauseReason.STALE: "paused by itself: its last moment passed while mail still waited",
}


def moment(at: datetime) -> str:
    """A time as people read it; the installation's clock is UTC."""
    return f"{at:%a %d %b %Y, %H:%M} UTC"


def state_of(spooler: Spooler, *, now: datetime) -> str:
    """One sentence without its full stop."""
    return _STATES[spooler.state](spooler, now)


def pause_of(spooler: Spooler) -> str:
    """Who paused it and why; empty unless it is paused."""
    if spooler.state != SpoolerState.PAUSED:
        return ""
    because = PauseReason(spooler.paused_because or PauseReason.REQUEST)
    who = _who_paused(spooler) if because == PauseReason.REQUEST else ""
    when = f" on {moment(spooler.paused_at)}" if spooler.paused_at else ""
    return f"{_PAUSES[because].capitalize()}{who}{when}."


def _who_paused(spooler: Spooler) -> str:
    acts = AuditEntry.objects.filter(
        account=spooler.account_id, subject=f"spooler {spooler.pk}", action="spooler.pause"
    )
    act = acts.select_related("user").order_by("-id").first()
    if act is None:
        return ""
    return f" of {act.user.get_username()}" if act.user else f" of the key {act.key_prefix}…"


def _pending(spooler: Spooler, now: datetime) -> str:
    return "Being filled: nothing leaves before it is launched"


def _ready(spooler: Spooler, now: datetime) -> str:
    if spooler.start_at > now:
        return f"Launched: starts on {moment(spooler.start_at)}"
    return "Open: mail leaves as it comes" if spooler.type == SpoolerType.STREAM else "Sending"


def _paused(spooler: Spooler, now: datetime) -> str:
    return "Paused: nothing leaves until it is resumed"


def _finished(spooler: Spooler, now: datetime) -> str:
    if spooler.ended_at is None:
        return "Takes no more mail; what waits still leaves"
    return f"Finished on {moment(spooler.ended_at)}"


def _cancelled(spooler: Spooler, now: datetime) -> str:
    return f"Cancelled on {moment(spooler.ended_at)}" if spooler.ended_at else "Cancelled"


_STATES: dict[str, Callable[[Spooler, datetime], str]] = {
    SpoolerState.PENDING: _pending,
    SpoolerState.READY: _ready,
    SpoolerState.PAUSED: _paused,
    SpoolerState.FINISHED: _finished,
    SpoolerState.CANCELLED: _cancelled,
}
