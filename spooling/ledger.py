"""The ledger: for every spooler and account, how many mails stand in which state. The sum of all increments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Sum
from django.db.models.functions import TruncHour, TruncMinute

from spooling.models import LedgerDelta, Mail, Spooler
from spooling.models.spoolers import SpoolerState

STATES: tuple[str, ...] = (
    *("delivered", "failed", "blocked", "quarantined", "expired", "cancelled"),
    *("waiting", "sending", "in_doubt"),
)
WORDS: tuple[str, ...] = ("spooled", *STATES)
_MERGED = (*WORDS, "deferrals")

#: Increments that one transaction merges: an hour of single mails has millions.
MERGED_TOGETHER = 10_000
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
#: Increments this old are merged by the minute: a busy stream has one a call, and every sum reads them all.
RECENT_AGE = timedelta(minutes=2)
#: Increments this old are merged by the hour; limits count younger ones by the minute.
SETTLED_AGE = timedelta(hours=2)


def of_spooler(spooler_id: int) -> dict[str, int]:
    """The ten figures of one spooler, as of the last commit.

    Costs a row per hour of its life, one per minute of the last two hours, and the last minutes' increments.
    """
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


def note_deferrals(mails: Iterable[tuple[int, int]], *, now: datetime) -> None:
    """Append that mails, one (account id, spooler id) each, met a temporary failure."""
    LedgerDelta.objects.bulk_create(
        LedgerDelta(account_id=account_id, spooler_id=spooler_id, at=now, deferrals=count)
        for (account_id, spooler_id), count in sorted(Counter(mails).items())
    )


def merge(*, now: datetime) -> int:
    """Merge increments: into one a spooler and minute when they are minutes old, into one an hour when hours old.

    Answers how many rows went. The sums never change.
    """
    gone = 0
    for age, span, truncated in (
        (SETTLED_AGE, HOUR, TruncHour("at")),
        (RECENT_AGE, MINUTE, TruncMinute("at")),
    ):
        old = LedgerDelta.objects.filter(at__lt=now - age).annotate(start=truncated)
        crowds = old.values("spooler_id", "start").annotate(n=Count("id")).filter(n__gt=1)
        for crowd in crowds.order_by()[:1000]:
            while merged := _merge(crowd["spooler_id"], crowd["start"], span):
                gone += merged
    return gone


@transaction.atomic
def _merge(spooler_id: int, start: datetime, span: timedelta) -> int:
    spooler = Spooler.objects.select_for_update().get(pk=spooler_id)
    rows = LedgerDelta.objects.filter(spooler_id=spooler_id, at__gte=start, at__lt=start + span)
    ids = list(rows.order_by("id").values_list("id", flat=True)[:MERGED_TOGETHER])
    if len(ids) < 2:
        return 0
    totals: dict[str, Any] = rows.filter(id__in=ids).aggregate(**{word: Sum(word) for word in _MERGED})
    LedgerDelta.objects.filter(id__in=ids).delete()
    LedgerDelta.objects.create(spooler=spooler, account_id=spooler.account_id, at=start, **totals)
    return len(ids) - 1
