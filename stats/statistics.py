"""Figures by how and where mail went: of a spooler, or of an account in a period. Exact as of the last commit."""

from __future__ import annotations

import calendar
from collections import Counter
from datetime import date, timedelta
from enum import StrEnum
from operator import itemgetter
from typing import Any

from django.db import connection

from stats import figures, rollups
from stats.figures import Figures
from stats.rollups import Rollup

Groups = dict[tuple[str, ...], Figures]
#: What a group is called by, and then its figures.
Row = tuple[Any, ...]

#: The group of mails that no router dealt with.
NO_ROUTER = "none"


class Grouping(StrEnum):
    """What each group has in common."""

    ALL = "all"
    ROUTER = "router"
    DESTINATION = "destination"
    PROVIDER = "provider"
    ROUTER_DESTINATION = "router_destination"
    ROUTER_PROVIDER = "router_provider"

    @property
    def columns(self) -> tuple[str, ...]:
        """What a group is called by, in order."""
        return () if self is Grouping.ALL else tuple(self.value.split("_"))


class Period(StrEnum):
    """A stretch of the calendar, in UTC."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


def days_of(period: Period, day: date) -> tuple[date, date]:
    """The first and the last day of the period that `day` is in; weeks begin on Monday."""
    if period is Period.DAY:
        return day, day
    if period is Period.WEEK:
        monday = day - timedelta(days=day.weekday())
        return monday, date.fromordinal(min(monday.toordinal() + 6, date.max.toordinal()))
    if period is Period.YEAR:
        return date(day.year, 1, 1), date(day.year, 12, 31)
    return day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1])


def of_spooler(spooler_id: int, *, by: Grouping = Grouping.ALL) -> Groups:
    """The figures of a spooler by group, without groups that have none. ALL has one group, ()."""
    rollup = rollups.BY_SPOOLER_AND_DESTINATION if "destination" in by.columns else rollups.BY_SPOOLER
    return _groups(rollup, "spooler_id = %(spooler)s", {"spooler": spooler_id}, by)


def of_account(
    account_id: int,
    *,
    by: Grouping = Grouping.ALL,
    since: date | None = None,
    until: date | None = None,
    domain_id: int | None = None,
) -> Groups:
    """The figures of an account, or of one of its sending domains, by group.

    From the day `since` to the day `until`, both included: what was spooled then, what left then, who read then.
    """
    scope, having = ["account_id = %(account)s"], ["true"]
    if domain_id is not None:
        scope.append("domain_id = %(domain)s")
    if since is not None:
        having.append("day >= %(since)s")
    if until is not None:
        having.append("day <= %(until)s")
    rollup = rollups.BY_DAY_AND_DESTINATION if "destination" in by.columns else rollups.BY_DAY
    given = {
        "account": account_id,
        "domain": domain_id,
        "since": since and since.isoformat(),
        "until": until and until.isoformat(),
    }
    return _groups(rollup, " AND ".join(scope), given, by, having=" AND ".join(having))


def events_of_spooler(spooler_id: int) -> dict[str, int]:
    """How many events of each kind a spooler has, repetitions too."""
    return _events(rollups.BY_SPOOLER, "spooler_id = %(spooler)s", {"spooler": spooler_id})


def events_of_domain(account_id: int, domain_id: int) -> dict[str, int]:
    """How many events of each kind an account has of one of its sending domains, repetitions too."""
    scope = "account_id = %(account)s AND domain_id = %(domain)s"
    return _events(rollups.BY_DAY, scope, {"account": account_id, "domain": domain_id})


def _events(rollup: Rollup, scope: str, given: dict[str, Any]) -> dict[str, int]:
    rows = rollups.relation(rollup, scope)
    statement = f"SELECT kind, CAST(sum(hits) AS bigint) FROM ({rows}) AS counters GROUP BY kind"
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return dict(cursor.fetchall())


def _groups(
    rollup: Rollup, scope: str, given: dict[str, Any], by: Grouping, *, having: str = "true"
) -> Groups:
    keys = [_KEYS.get(column, column) for column in by.columns]
    statement = (
        f"SELECT {', '.join([*keys, figures.sums()])} "
        f"FROM ({rollups.relation(rollup, scope)}) AS counters WHERE {having}"
    )
    if keys:
        statement += f" GROUP BY {', '.join(str(number + 1) for number in range(len(keys)))}"
    with connection.cursor() as cursor:
        cursor.execute(statement, {**given, "no_router": NO_ROUTER})
        rows = cursor.fetchall()
    if by.columns[:1] == ("router",):
        rows = _attributed(rows, len(keys))
    return {
        row[: len(keys)]: Figures(*row[len(keys) :])
        for row in rows
        if by is Grouping.ALL or any(row[len(keys) :])
    }


_KEYS = {"router": "coalesce(nullif(router, ''), %(no_router)s)"}


def _attributed(rows: list[Row], keys: int) -> list[Row]:
    """With each router the mails spooled that it dealt with; the others have none yet.

    Events of spooling name no router. In a period more mails may have left than were spooled in it: then the first
    routers have them all, so that groups always add up.
    """
    left: Counter[Row] = Counter()
    others: dict[Row, Row] = {}
    for row in rows:
        left[row[1:keys]] += row[keys]
    given: list[Row] = []
    for row in sorted(rows, key=itemgetter(0)):
        rest = row[1:keys]
        if row[0] == NO_ROUTER:
            others[rest] = row[keys + 1 :]
            continue
        spooled = min(sum(row[keys + place] for place in _HANDLED), left[rest])
        left[rest] -= spooled
        given.append((*row[:keys], spooled, *row[keys + 1 :]))
    nothing = (0,) * (len(figures.NAMES) - 1)
    given += [(NO_ROUTER, *rest, spooled, *others.get(rest, nothing)) for rest, spooled in left.items()]
    return given


#: Where in a row's figures stand those of mails that a router dealt with.
_HANDLED = tuple(figures.NAMES.index(name) for name in ("delivered", "failed", "deferred"))
