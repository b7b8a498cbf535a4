"""Campaigns whose `not_after` passed while mail still waits: they are stopped until a person decides.

Workers see the time by themselves (`Spooler.objects.halted`); this says so, and why.
"""

from __future__ import annotations

from datetime import datetime

from spooling import errors, ledger
from spooling.campaigns import stops
from spooling.models import Spooler
from spooling.models.spoolers import RUNNING, PauseReason, SpoolerType


def stop_stale(*, now: datetime) -> int:
    """Pause running campaigns whose time has passed and of which mail waits; answers how many.

    A later `not_after` and `ready`, or `cancel`, are the ways out.
    """
    overdue = Spooler.objects.filter(type=SpoolerType.CAMPAIGN, ended_at=None, not_after__lt=now)
    running = overdue.filter(state__in=RUNNING).select_related("account").order_by("id")
    waiting = (spooler for spooler in running if ledger.of_spooler(spooler.pk)["waiting"])
    return sum(stops.stop(spooler, PauseReason.STALE, now=now) for spooler in waiting)


def postpone(spooler: Spooler, *, not_after: datetime | None) -> None:
    """Give a campaign that was ready more time, or less. Raises SpoolerStateConflict once it has ended."""
    open_one = Spooler.objects.filter(pk=spooler.pk, type=SpoolerType.CAMPAIGN, ended_at=None)
    if not open_one.update(not_after=not_after):
        raise errors.SpoolerStateConflict
    spooler.refresh_from_db(fields=["not_after"])
