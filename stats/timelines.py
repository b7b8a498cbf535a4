"""Figures over time, without gaps: what was spooled, left and was read, by hours of a spooler or days of an account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection

from stats import figures, rollups
from stats.figures import Figures
from stats.rollups import Rollup

Timeline = list[tuple[datetime, Figures]]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
#: The longest stretch that is shown.
DAYS = 30


def of_spooler(spooler_id: int, *, now: datetime) -> Timeline:
    """By the hour from the first event to now, or 30 days from then; nothing before the first.

    Of a spooler that is filled for longer, the 30 days up to the last mail that came or left.
    """
    found = _buckets(rollups.BY_SPOOLER, "hour", "spooler_id = %(spooler)s", {"spooler": spooler_id})
    if not found:
        return []
    busy = [hour for hour, each in found.items() if each.spooled or each.handled]
    first = max(min(found), max(busy, default=min(found)) - DAYS * DAY + HOUR)
    last = min(max(_hour_of(now), *found), first + DAYS * DAY - HOUR)
    return _filled(found, first, last, HOUR)


def of_account(
    account_id: int, *, domain_id: int | None = None, lane: str | None = None, now: datetime
) -> Timeline:
    """By the day (UTC), the last 30 with today: of an account, one of its sending domains, one lane."""
    last = datetime.combine(now.astimezone(UTC).date(), time.min, UTC)
    first = last - (DAYS - 1) * DAY
    scope = ["account_id = %(account)s"]
    if domain_id is not None:
        scope.append("domain_id = %(domain)s")
    if lane is not None:
        scope.append("lane = %(lane)s")
    given = {"account": account_id, "domain": domain_id, "lane": lane, "since": first.date().isoformat()}
    found = _buckets(rollups.BY_DAY, "day", " AND ".join(scope), given, having="day >= %(since)s")
    return _filled(found, first, last, DAY)


def days(account_id: int, kinds: Sequence[str]) -> set[date]:
    """The days (UTC) on which something of these kinds happened to the account's mails."""
    found = rollups.relation(rollups.BY_DAY, "account_id = %(account)s")
    statement = f"SELECT DISTINCT day, kind FROM ({found}) AS counters WHERE hits > 0"
    with connection.cursor() as cursor:
        cursor.execute(statement, {"account": account_id})
        return {_moment(day).date() for day, kind in cursor.fetchall() if kind in kinds}


def _buckets(
    rollup: Rollup, column: str, scope: str, given: dict[str, Any], *, having: str = "true"
) -> dict[datetime, Figures]:
    statement = (
        f"SELECT {column}, {figures.sums(increments=True)} "
        f"FROM ({rollups.relation(rollup, scope)}) AS counters WHERE {having} GROUP BY {column}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return {_moment(row[0]): Figures(*row[1:]) for row in cursor.fetchall()}


def _moment(bucket: datetime | date | str) -> datetime:
    """As UTC; SQLite gives what it stored, which is text."""
    return datetime.fromisoformat(str(bucket)).replace(tzinfo=UTC)


def _hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _filled(found: dict[datetime, Figures], first: datetime, last: datetime, step: timedelta) -> Timeline:
    nothing = Figures()
    steps = (last - first) // step + 1
    moments = (first + number * step for number in range(steps))
    return [(moment, found.get(moment, nothing)) for moment in moments]
