"""Metrics of an account, kept as their present values: `.sum` only grows, `.last` is set (Seed contract §7)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from django.db import connection

from stats.models import MetricSample

#: A sum's name ends so; all others are gauges.
SUM = ".sum"

_NOT_WORD = re.compile(r"\W+")
_TABLE = MetricSample._meta.db_table
_ADDED, _SET = f"{_TABLE}.value + EXCLUDED.value", "EXCLUDED.value"


def add(account_id: int, increments: Mapping[str, float], *, now: datetime) -> None:
    """Let the named sums grow. One call a transaction, and late in it: the rows stay locked until it ends."""
    _write(account_id, increments, _ADDED, now)


def put(account_id: int, gauges: Mapping[str, float], *, now: datetime) -> None:
    """Set the named values."""
    _write(account_id, gauges, _SET, now)


def values(account_id: int) -> dict[str, float]:
    """The present value of every metric that the account ever had."""
    return dict(MetricSample.objects.filter(account_id=account_id).values_list("name", "value"))


def normal(part: str) -> str:
    """A text as part of a metric's name: runs of non-word characters become `_`, none at either end."""
    return _NOT_WORD.sub("_", part).strip("_")


def _write(account_id: int, changes: Mapping[str, float], value: str, now: datetime) -> None:
    if not changes:
        return
    # In one order, so that two transactions never wait for each other. Django's own upsert cannot add.
    rows = [(account_id, name, float(changes[name]), now) for name in sorted(changes)]
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {_TABLE} (account_id, name, value, updated_at) VALUES (%s, %s, %s, %s) "
            f"ON CONFLICT (account_id, name) DO UPDATE SET value = {value}, updated_at = EXCLUDED.updated_at",
            rows,
        )
