"""The sums over events that figures are made of: by table up to the cursor, from the events themselves behind it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection, transaction

from stats import cursors
from stats.cursors import Position

#: Events that one transaction rolls up, and the rest of the last one's own.
ROLLED_TOGETHER = 30_000


@dataclass(frozen=True, slots=True)
class Rollup:
    """A table of counters, by what it has one row."""

    table: str
    keys: tuple[str, ...]


BY_SPOOLER = Rollup("stats_spoolerrollup", ("spooler_id", "hour", "provider", "router", "kind"))
BY_SPOOLER_AND_DESTINATION = Rollup(
    "stats_spoolerdestinationrollup", ("spooler_id", "destination", "router", "kind")
)
BY_DAY = Rollup("stats_dailyrollup", ("account_id", "day", "domain_id", "lane", "provider", "router", "kind"))
BY_DAY_AND_DESTINATION = Rollup(
    "stats_dailydestinationrollup", ("account_id", "day", "domain_id", "destination", "router", "kind")
)
ALL = (BY_SPOOLER, BY_SPOOLER_AND_DESTINATION, BY_DAY, BY_DAY_AND_DESTINATION)

_BUCKETS = {
    "hour": {"postgresql": "date_trunc('hour', {at}, 'UTC')", "sqlite": "substr({at}, 1, 13) || ':00:00'"},
    "day": {"postgresql": "({at} AT TIME ZONE 'UTC')::date", "sqlite": "substr({at}, 1, 10)"},
}
#: One row for what an event counts and, of one that ends something, one under the hour and router that counted it:
#: so the figure of any period is of what happened in it, and never negative.
_COUNTS = """
SELECT account_id, coalesce(domain_id, 0) AS domain_id, spooler_id, lane, destination, provider, router, kind,
    {hour} AS hour, {day} AS day, 1 AS hits, counts AS counted, 0 AS ended
FROM stats_event WHERE {where}
"""
_ENDS = """
SELECT account_id, coalesce(domain_id, 0), spooler_id, lane, destination, provider, ended_router, ends,
    {hour}, {day}, 0, 0, 1
FROM stats_event WHERE {where} AND ended_at IS NOT NULL
"""
_MERGE = """
INSERT INTO {table} ({keys}, hits, counted, ended)
SELECT {keys}, sum(hits), sum(counted), sum(ended) FROM part WHERE true GROUP BY {keys} ORDER BY {keys}
ON CONFLICT ({keys}) DO UPDATE SET hits = {table}.hits + excluded.hits,
    counted = {table}.counted + excluded.counted, ended = {table}.ended + excluded.ended
"""
_COLUMNS = "account_id, domain_id, spooler_id, lane, destination, provider, router, kind, hour, day"
#: Summed once as finely as any table wants it: what is then left to sum for each of them is little.
_FINEST = f"""
SELECT {_COLUMNS}, sum(hits) AS hits, sum(counted) AS counted, sum(ended) AS ended
FROM ({{parts}}) AS single GROUP BY {_COLUMNS}
"""
#: What events are read in the order of: writers of SQLite come one by one.
_ORDER = {"postgresql": '"transaction"', "sqlite": "id"}


def relation(rollup: Rollup, scope: str) -> str:
    """The SQL of all rows of `rollup` where `scope` holds, as of this moment.

    What is not rolled up yet is summed from events. `scope` speaks of columns that both have.
    """
    columns = ", ".join((*rollup.keys, "hits", "counted", "ended"))
    tail = _parts(f"{scope} AND {cursors.BEHIND[connection.vendor]}")
    return (
        f"SELECT {columns} FROM {rollup.table} WHERE {scope} "
        f"UNION ALL SELECT {columns} FROM ({tail}) AS part"
    )


@transaction.atomic
def roll() -> int:
    """Roll up ROLLED_TOGETHER events, or all that there are; answers how many.

    Those that may have company yet, because an older transaction runs, are left for later. A crash leaves counters
    and cursor as they were.
    """
    start = cursors.lock()
    end = _end_of_batch(start)
    rolled = _merge(start, end)
    if rolled:
        cursors.move(end)
    return rolled


def _end_of_batch(start: Position) -> Position:
    """A whole transaction belongs to one batch, however many events it has."""
    horizon, order = cursors.horizon(), _ORDER[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT CAST({order} AS text) FROM stats_event WHERE {_within(start, horizon)} "
            f"ORDER BY {order} LIMIT 1 OFFSET {ROLLED_TOGETHER - 1}"
        )
        last = cursor.fetchone()
    if last is None:
        return horizon
    behind = int(last[0]) + 1
    return Position(behind, 0) if connection.vendor == "postgresql" else Position(0, behind)


def _merge(start: Position, end: Position) -> int:
    """Add what lies between to all tables: one statement on PostgreSQL, one a table on SQLite."""
    parts = f"part AS MATERIALIZED ({_FINEST.format(parts=_parts(_within(start, end)))})"
    merges = {rollup.table: _merging(rollup) for rollup in ALL}
    count = "SELECT coalesce(sum(hits), 0) FROM part"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            merging = ", ".join(f"into_{table} AS ({merge})" for table, merge in merges.items())
            cursor.execute(f"WITH {parts}, {merging} {count}")
        else:
            for merge in merges.values():
                cursor.execute(f"WITH {parts} {merge}")
            cursor.execute(f"WITH {parts} {count}")
        return int(cursor.fetchone()[0])


def _within(start: Position, end: Position) -> str:
    if connection.vendor == "postgresql":
        first, last = (f"{position.transaction}::text::xid8" for position in (start, end))
        return f'"transaction" >= {first} AND "transaction" < {last}'
    return f"id >= {start.event_id} AND id < {end.event_id}"


def _merging(rollup: Rollup) -> str:
    return _MERGE.format(table=rollup.table, keys=", ".join(rollup.keys))


def _parts(where: str) -> str:
    counts, ends = (
        part.format(
            where=where, **{name: form[connection.vendor].format(at=at) for name, form in _BUCKETS.items()}
        )
        for part, at in ((_COUNTS, "at"), (_ENDS, "ended_at"))
    )
    return f"{counts} UNION ALL {ends}"
