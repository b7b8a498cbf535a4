"""The ledger: for every spooler and account, how many mails stand in which state. The sum of all increments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Sum
from django.db.models.functions import TruncHour

from spooling.models import LedgerDelta, Mail, Spooler
from spooling.models.spoolers import SpoolerState

STATES: tuple[str, ...] = (
    *("delivered", "failed", "blocked", "quarantined", "expired", "cancelled"),
    *("waiting", "sending", "in_doubt"),
)
WORDS: tuple[str, ...] = ("spooled", *STATES)

#: Increments that one transaction merges: an hour of single mails has millions.
MERGED_TOGETHER = 10_000
#: Increments younger than this stay single: the automatic brake and the limits read them by the minute.
SETTLED_AGE = timedelta(hours=2)


def of_spooler(spooler_id: int) -> dict[str, int]:
    """The ten figures of one spooler, as of the last commit. Costs one row per hour of its life, not one per mail."""
    return _sum(spooler_id=spooler_id)


def of_account(account_id: int) -> dict[str, int]:
    """The ten figures of one account."""
    return _sum(account_id=account_id)


def _sum(**which: int) -> dict[str, int]:
    totals = LedgerDelta.objects.filter(**which).aggregate(**{word: Sum(word) for word in WORDS})
    return {word: int(totals[word] or 0) for word in WORDS}


def shown(spooler: Spooler) -> dict[str, int]:
    """The ten figures as people and clients see them: what waits in a cancelled spooler is cancelled."""
    figures = of_spooler(spooler.pk)
    if spooler.state == SpoolerState.CANCELLED:
        figures["cancelled"] += figures["waiting"]
        figures["waiting"] = 0
    return figures


def adds_up(figures: dict[str, int]) -> bool:
    """Whether everything spooled stands in exactly one state."""
    return figures["spooled"] == sum(figures[state] for state in STATES)


def recount(spooler_id: int) -> dict[str, int]:
    """The ten figures counted from the mails themselves: what `of_spooler` must equal."""
    counted: dict[str, int] = dict(
        Mail.objects.filter(spooler_id=spooler_id).values_list("state").annotate(n=Count("id")).order_by()
    )
    return {"spooled": sum(counted.values()), **{state: counted.get(state, 0) for state in STATES}}


def hold_snapshot() -> None:
    """Let all reads of the transaction that just began see one state. SQLite's do anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def book(moves: Iterable[tuple[int, int]], *, source: str, target: str, now: datetime) -> None:
    """Append that mails, one (account id, spooler id) each, moved from `source` to `target`."""
    LedgerDelta.objects.bulk_create(
        LedgerDelta(account_id=account_id, spooler_id=spooler_id, at=now, **{source: -count, target: count})
        for (account_id, spooler_id), count in sorted(Counter(moves).items())
    )


def merge(*, now: datetime) -> int:
    """Merge settled increments into one a spooler and hour; answers how many rows went. The sums never change."""
    gone = 0
    old = LedgerDelta.objects.filter(at__lt=now - SETTLED_AGE)
    hours = old.annotate(hour=TruncHour("at")).values("spooler_id", "hour").annotate(n=Count("id"))
    for crowded in hours.filter(n__gt=1).order_by()[:1000]:
        while merged := _merge_hour(crowded["spooler_id"], crowded["hour"]):
            gone += merged
    return gone


@transaction.atomic
def _merge_hour(spooler_id: int, hour: datetime) -> int:
    spooler = Spooler.objects.select_for_update().get(pk=spooler_id)
    rows = LedgerDelta.objects.filter(spooler_id=spooler_id, at__gte=hour, at__lt=hour + timedelta(hours=1))
    ids = list(rows.order_by("id").values_list("id", flat=True)[:MERGED_TOGETHER])
    if len(ids) < 2:
        return 0
    totals: dict[str, Any] = rows.filter(id__in=ids).aggregate(**{word: Sum(word) for word in WORDS})
    LedgerDelta.objects.filter(id__in=ids).delete()
    LedgerDelta.objects.create(spooler=spooler, account_id=spooler.account_id, at=hour, **totals)
    return len(ids) - 1
