"""How fast mail leaves, measured from the ledger, and when a campaign will be through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, Sum
from django.db.models.functions import TruncMinute

from spooling import ledger
from spooling.campaigns import forecasts
from spooling.models import LedgerDelta, Spooler
from spooling.models.spoolers import RUNNING, SpoolerType

#: What is measured of a campaign, and of an account whose campaign has not begun.
RECENT, LATELY = timedelta(minutes=10), timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a spooler stands: its ledger, mails that leave a minute, and when it is through at the earliest.

    None: not foreseeable, as of a standing stream.
    """

    figures: Mapping[str, int]
    mails_per_minute: float
    predicted_end_at: datetime | None


def of(spooler: Spooler, *, now: datetime) -> Progress:
    """The present progress. Costs what a ledger and its figures by provider cost."""
    figures = ledger.shown(spooler)
    rate = measured(now - RECENT, now, spooler_id=spooler.pk)
    remaining = figures["waiting"] + figures["sending"]
    is_under_way = spooler.type == SpoolerType.CAMPAIGN and spooler.state in RUNNING
    end = spooler.ended_at
    if end is None and is_under_way and not spooler.is_stale(now) and remaining:
        mails = forecasts.waiting(spooler, remaining)
        end = forecasts.through_at(spooler, mails, measured=rate, now=now)
    return Progress(figures=figures, mails_per_minute=round(rate, 1), predicted_end_at=end)


def measured(since: datetime, now: datetime, **which: int) -> float:
    """Mails that got a final reply a minute, over the minutes in which there were any; 0 without any.

    `which` names a spooler or an account by its id. The minute at hand counts only where there is no other.
    """
    done = Sum("delivered", filter=Q(delivered__gt=0), default=0) + Sum(
        "failed", filter=Q(failed__gt=0), default=0
    )
    deltas = LedgerDelta.objects.filter(at__gt=since, **which).annotate(minute=TruncMinute("at"))
    minutes = {
        row["minute"]: row["n"] for row in deltas.values("minute").annotate(n=done).order_by() if row["n"]
    }
    if len(minutes) > 1:
        minutes.pop(now.replace(second=0, microsecond=0), None)
    return sum(minutes.values()) / len(minutes) if minutes else 0.0
