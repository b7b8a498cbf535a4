"""The brake: a campaign of which too many mails fail or are deferred is paused. It reads the ledger, never `stats`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, Sum

from spooling.campaigns import stops
from spooling.models import LedgerDelta, Spooler
from spooling.models.spoolers import RUNNING, PauseReason, SpoolerType

#: Fewer results prove nothing.
FEWEST_RESULTS = 200
#: The shortest of these spans with enough results decides; slow campaigns need a long one.
SPANS = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=6), timedelta(days=1))
#: Campaigns without a result for so long are not looked at.
FRESH = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What became of a campaign's tries in a span of time. A mail may be deferred more than once."""

    delivered: int
    failed: int
    deferrals: int

    def because(self, *, failed_percent: int | None, deferred_percent: int | None) -> PauseReason | None:
        """Why to stop; None: go on, also where there are too few results. A limit of None stops nothing."""
        ended = self.delivered + self.failed
        if _reaches(self.failed, ended, failed_percent):
            return PauseReason.FAILURES
        if _reaches(self.deferrals, ended + self.deferrals, deferred_percent):
            return PauseReason.DEFERRALS
        return None


def _reaches(part: int, whole: int, percent: int | None) -> bool:
    return percent is not None and whole >= FEWEST_RESULTS and part * 100 >= whole * percent


def apply(*, now: datetime) -> int:
    """Pause the running campaigns that go wrong; answers how many. What came before the last `ready` counts no more."""
    fresh = LedgerDelta.objects.filter(spooler=OuterRef("pk"), at__gte=now - FRESH)
    fresh = fresh.filter(Q(failed__gt=0) | Q(deferrals__gt=0))
    running = Spooler.objects.filter(
        Exists(fresh), type=SpoolerType.CAMPAIGN, state__in=RUNNING, ended_at=None
    )
    return sum(_brake(spooler, now) for spooler in running.select_related("account"))


def _brake(spooler: Spooler, now: datetime) -> bool:
    account = spooler.account
    for results in _spans(spooler, now):
        because = results.because(
            failed_percent=account.brake_failed_percent, deferred_percent=account.brake_deferred_percent
        )
        if because is not None:
            return stops.stop(spooler, because, now=now, **asdict(results))
        if results.delivered + results.failed >= FEWEST_RESULTS:
            return False
    return False


def _spans(spooler: Spooler, now: datetime) -> list[Results]:
    sums = {
        f"{figure}{number}": Sum(figure, filter=Q(**{f"{figure}__gt": 0}, at__gt=now - span), default=0)
        for number, span in enumerate(SPANS)
        for figure in ("delivered", "failed", "deferrals")
    }
    since = max(now - SPANS[-1], spooler.resumed_at or spooler.created_at)
    found = LedgerDelta.objects.filter(spooler=spooler, at__gt=since).aggregate(**sums)
    return [
        Results(
            delivered=int(found[f"delivered{number}"]),
            failed=int(found[f"failed{number}"]),
            deferrals=int(found[f"deferrals{number}"]),
        )
        for number in range(len(SPANS))
    ]
