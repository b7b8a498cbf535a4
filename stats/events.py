"""The only writer of `Event`. Happenings are appended in the transaction of what they report, and never changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, models

from stats.models import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened to one mail. `detail` never holds an address."""

    account_id: int
    domain_id: int | None
    spooler_id: int
    mail_id: int
    destination: str
    provider: str
    router: str
    kind: str
    at: datetime
    detail: dict[str, Any] = field(default_factory=dict)


_COLUMNS = (
    *("account_id", "domain_id", "spooler_id", "mail_id", "destination"),
    *("provider", "router", "kind", "at", "detail"),
)


def record(happenings: Sequence[Happening]) -> None:
    """Append `happenings` in the transaction at hand."""
    if connection.vendor == "sqlite":
        # A settlement has hundreds of events: as plain rows they need no model instance each.
        with connection.cursor() as cursor:
            cursor.executemany(_INSERT, [_row(happening) for happening in happenings])
        return
    Event.objects.bulk_create(
        [Event(**{name: getattr(happening, name) for name in _COLUMNS}) for happening in happenings],
        batch_size=500,
    )


_INSERT = f"""
INSERT INTO {Event._meta.db_table} ({', '.join(_COLUMNS)}) VALUES ({', '.join(['%s'] * len(_COLUMNS))})
"""


def _row(happening: Happening) -> tuple[Any, ...]:
    *plain, at, detail = (getattr(happening, name) for name in _COLUMNS)
    return (*plain, connection.ops.adapt_datetimefield_value(at), json.dumps(detail))


def insert_from(source: str) -> str:
    """The INSERT that appends one event a row of `source`, for PostgreSQL statements that move mails in bulk.

    `source` names a relation with the columns of a `Happening`.
    """
    columns = ", ".join(_COLUMNS)
    return f"INSERT INTO {Event._meta.db_table} ({columns}) SELECT {columns} FROM {source}"


def of_mail(mail_id: int) -> models.QuerySet[Event]:
    """What happened to one mail, oldest first."""
    return Event.objects.filter(mail_id=mail_id).order_by("id")
