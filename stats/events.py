"""The only writer of `Event`. Happenings are appended in the transaction of what they report, and never changed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, models

from stats import cursors
from stats.models import UNDELIVERED, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened to one mail. `detail` never holds an address.

    `counts` and `ends`: what it does to the figures, as `Event` says.
    """

    account_id: int
    domain_id: int | None
    spooler_id: int
    mail_id: int
    destination: str
    provider: str
    router: str
    lane: str
    kind: str
    at: datetime
    counts: int = 1
    ends: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


_COLUMNS = (
    *("account_id", "domain_id", "spooler_id", "mail_id", "destination"),
    *("provider", "router", "lane", "kind", "at", "counts", "ends", "detail"),
)
_TABLE = Event._meta.db_table
#: A column of the event that counted what ends; a mail that is deferred is one in a hundred.
_ENDED = f"""
CASE WHEN ends <> '' THEN (
    SELECT earlier.{{column}} FROM {_TABLE} AS earlier
    WHERE earlier.mail_id = happening.mail_id AND earlier.kind = happening.ends ORDER BY earlier.id DESC LIMIT 1
) END
"""


def record(happenings: Sequence[Happening]) -> None:
    """Append `happenings` in the transaction at hand."""
    # As plain rows they need no model instance each: a settlement has hundreds of events.
    with connection.cursor() as cursor:
        for start in range(0, len(happenings), _TOGETHER):
            rows = [_row(happening) for happening in happenings[start : start + _TOGETHER]]
            cursor.execute(_statement(len(rows)), list(itertools.chain.from_iterable(rows)))


#: Rows of one statement: SQLite takes 32,766 parameters.
_TOGETHER = 500


def _statement(rows: int) -> str:
    marks = f"({', '.join(_MARKS[connection.vendor])})"
    values = ", ".join([marks] * rows)
    return f"WITH happening ({', '.join(_COLUMNS)}) AS (VALUES {values}) {insert_from('happening')}"


_TYPES = {"domain_id": "bigint", "at": "timestamptz", "detail": "jsonb"}
_MARKS = {
    "postgresql": [f"%s::{_TYPES[name]}" if name in _TYPES else "%s" for name in _COLUMNS],
    "sqlite": ["%s"] * len(_COLUMNS),
}


def _row(happening: Happening) -> tuple[Any, ...]:
    values = {name: getattr(happening, name) for name in _COLUMNS}
    values["at"] = connection.ops.adapt_datetimefield_value(happening.at)
    values["detail"] = json.dumps(happening.detail)
    # A state of a mail and a kind of event are enumerations of text: the driver writes them as such.
    return tuple(str(value) if isinstance(value, str) else value for value in values.values())


def insert_from(source: str) -> str:
    """The INSERT that appends one event a row of `source`, for statements that move mails in bulk.

    `source` names a relation with the columns of a `Happening`.
    """
    columns = ", ".join(_COLUMNS)
    return (
        f"INSERT INTO {_TABLE} ({columns}, ended_router, ended_at) "
        f"SELECT {columns}, coalesce({_ENDED.format(column='router')}, ''), {_ENDED.format(column='at')} "
        f"FROM {source} AS happening"
    )


#: What a hit tells of who made it, and where a link led that may be one person's own.
_PERSONAL = ("ip", "useragent", "url")
_ERASE = {
    "postgresql": "UPDATE {table} SET detail = detail - %s::text[] WHERE mail_id = ANY (%s) AND detail ? 'who'",
    "sqlite": "UPDATE {table} SET detail = json_remove(detail, {paths}) "
    "WHERE mail_id IN (SELECT value FROM json_each(%s)) AND json_extract(detail, '$.who') IS NOT NULL",
}


def forget_visitors(mail_ids: Sequence[int]) -> None:
    """Take out of these mails' events what tells of the people who opened them and followed their links."""
    paths = ", ".join(f"'$.{name}'" for name in _PERSONAL)
    statement = _ERASE[connection.vendor].format(table=_TABLE, paths=paths)
    ids = list(mail_ids)
    given: list[Any] = [list(_PERSONAL), ids] if connection.vendor == "postgresql" else [json.dumps(ids)]
    with connection.cursor() as cursor:
        cursor.execute(statement, given)


def of_mail(mail_id: int) -> models.QuerySet[Event]:
    """What happened to one mail, oldest first."""
    return Event.objects.filter(mail_id=mail_id).order_by("id")


def undelivered() -> models.QuerySet[Event]:
    """Those of all accounts that tell of a mail which its recipient does not have, in no order."""
    return Event.objects.filter(kind__in=UNDELIVERED)


def settled(rows: models.QuerySet[Event]) -> models.QuerySet[Event]:
    """Those of `rows` before which none can come any more, in reading order: a number of them stays where it is."""
    return cursors.below(rows, cursors.horizon()).order_by("transaction", "id")


def after(
    position: cursors.Position, rows: models.QuerySet[Event], *, limit: int
) -> tuple[list[Event], cursors.Position]:
    """The next `limit` of `rows` from `position` on, in reading order, and the position behind them.

    Nothing that commits later lies before that position: whoever reads on from there misses nothing.
    """
    horizon = cursors.horizon()
    found = list(cursors.between(rows, position, horizon).order_by("transaction", "id")[:limit])
    return found, cursors.behind(found[-1]) if len(found) == limit else max(position, horizon)
