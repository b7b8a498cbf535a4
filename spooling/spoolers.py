"""Campaigns and standing streams: their life cycle is O(1), it never touches their mails."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from earwig.models import Account
from spooling import errors, wakeups
from spooling.models import Spooler
from spooling.models.spoolers import Lane, SpoolerState, SpoolerType

_MOVES: dict[str, tuple[SpoolerState, ...]] = {
    SpoolerState.READY: (SpoolerState.PENDING, SpoolerState.PAUSED),
    SpoolerState.PAUSED: (SpoolerState.READY, SpoolerState.FINISHED),
    SpoolerState.FINISHED: (SpoolerState.READY, SpoolerState.PENDING),
    SpoolerState.CANCELLED: (
        SpoolerState.PENDING,
        SpoolerState.READY,
        SpoolerState.PAUSED,
        SpoolerState.FINISHED,
    ),
}

_streams: dict[tuple[int, str], int] = {}


def stream_id(account_id: int, lane: str) -> int:
    """The id of the account's standing stream for `lane`; made when first asked for. Cached: it never changes."""
    known = _streams.get((account_id, lane))
    if known is None:
        known = _stream(account_id, lane).pk
        if not transaction.get_connection().in_atomic_block:
            _streams[account_id, lane] = known
    return known


def _stream(account_id: int, lane: str) -> Spooler:
    wanted = {"account_id": account_id, "lane": lane, "type": SpoolerType.STREAM}
    found = Spooler.objects.filter(**wanted).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return Spooler.objects.create(**wanted, name=f"{Lane(lane).label} mail", state=SpoolerState.READY)
    except IntegrityError:
        return Spooler.objects.get(**wanted)


def open_campaign(account: Account, *, name: str, lane: str = Lane.BULK, now: datetime) -> Spooler:
    """A new campaign that takes mail and sends none before `ready`."""
    return Spooler.objects.create(account=account, name=name, lane=lane, start_at=now, created_at=now)


def ready(spooler: Spooler, *, now: datetime) -> None:
    """Let it send from `start_at` on. Raises SpoolerStateConflict unless it is pending or paused."""
    _move(spooler, SpoolerState.READY, now)
    wakeups.wake_after_commit(spooler.lane)


def pause(spooler: Spooler, *, now: datetime) -> None:
    """Send nothing more of it until `ready`; workers notice within a second."""
    _move(spooler, SpoolerState.PAUSED, now)


def finish(spooler: Spooler, *, now: datetime) -> None:
    """Take no more mail; what waits still leaves."""
    _move(spooler, SpoolerState.FINISHED, now)


def cancel(spooler: Spooler, *, now: datetime) -> None:
    """Whatever has not left never will. Its rows are settled by the sweeper."""
    _move(spooler, SpoolerState.CANCELLED, now)


def _move(spooler: Spooler, state: SpoolerState, now: datetime) -> None:
    ends = state in (SpoolerState.FINISHED, SpoolerState.CANCELLED)
    movable = Spooler.objects.filter(pk=spooler.pk, state__in=_MOVES[state])
    if ends:
        movable = movable.exclude(type=SpoolerType.STREAM)
    if not movable.update(state=state, ended_at=now if ends else None):
        raise errors.SpoolerStateConflict
    spooler.refresh_from_db()
