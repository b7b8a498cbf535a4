"""Stops campaigns without anybody asking, and tells so."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction

from earwig import audit
from spooling import errors, spoolers
from spooling.models import Spooler
from spooling.models.spoolers import PauseReason

log = logging.getLogger(__name__)

#: What the audit trail calls it.
_ACTIONS = {
    PauseReason.FAILURES: "spooler.brake",
    PauseReason.DEFERRALS: "spooler.brake",
    PauseReason.STALE: "spooler.stale",
}


def stop(spooler: Spooler, because: PauseReason, *, now: datetime, **figures: int) -> bool:
    """Pause it, with the figures that speak for that; False: somebody stopped it first."""
    detail = {"because": because.value, **figures}
    try:
        with transaction.atomic():
            spoolers.pause(spooler, because=because, now=now)
            audit.record(_ACTIONS[because], spooler, now=now, account=spooler.account, detail=detail)
    except errors.SpoolerStateConflict:
        return False
    log.warning("A campaign was paused by itself.", extra={"spooler": spooler.pk, **detail})
    return True
