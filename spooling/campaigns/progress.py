"""How fast mail leaves and when a campaign will be through: measured from the ledger, or what the routers allow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, Sum
from django.db.models.functions import TruncMinute

from spooling import ledger, limits, routers
from spooling.models import Backlog, LedgerDelta, Spooler
from spooling.models.spoolers import RUNNING

#: What is measured of a campaign, and of an account whose campaign has not begun.
RECENT, LATELY = timedelta(minutes=10), timedelta(hours=1)
#: Mails that a connection is taken to carry in a minute where nothing was measured: three a second.
PER_CONNECTION = 180
#: Nothing is foretold beyond.
LONGEST = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a campaign stands: its ledger, mails that leave a minute, and when it is through (None: not foreseeable)."""

    figures: Mapping[str, int]
    mails_per_minute: float
    predicted_end_at: datetime | None


def of(spooler: Spooler, *, now: datetime) -> Progress:
    """The present progress. Costs what a ledger costs."""
    figures = ledger.shown(spooler)
    rate = measured(now - RECENT, now, spooler_id=spooler.pk)
    remaining = figures["waiting"] + figures["sending"]
    end = spooler.ended_at
    if end is None and spooler.state in RUNNING and not spooler.is_stale(now) and remaining:
        providers = Backlog.objects.filter(spooler=spooler).values_list("provider", flat=True)
        per_minute = rate or capacity(spooler.account_id, set(providers), now=now)
        end = predicted(spooler, remaining, per_minute=per_minute, now=now)
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


def capacity(account_id: int, providers: Collection[str], *, now: datetime) -> float:
    """Mails a minute that the routers to these providers allow; 0 where there is none."""
    found = {routers.table().choose(account_id, provider) for provider in providers}
    return float(sum(_per_minute(destination) for destination in found if destination is not None))


def _per_minute(destination: routers.Destination) -> int:
    carried = destination.max_connections * PER_CONNECTION
    return carried if destination.mails_per_minute is None else min(carried, destination.mails_per_minute)


def predicted(spooler: Spooler, remaining: int, *, per_minute: float, now: datetime) -> datetime | None:
    """When so many mails will have left from now or its start on, within the account's limits.

    None: nothing leaves at all, or not within LONGEST.
    """
    if not per_minute:
        return None
    seconds = [remaining / per_minute * 60]
    for window in limits.windows(spooler.account_id, figure="delivered", now=now):
        if remaining > window.left:
            # What is used up comes back with the end of the span, a limit's worth a time.
            times = -(-(remaining - window.left) // max(window.limit, 1))
            seconds.append(window.span.total_seconds() * times)
    start_at = max(now, spooler.start_at)
    if max(seconds) > (LONGEST - (start_at - now)).total_seconds():
        return None
    return start_at + timedelta(seconds=round(max(seconds)))
