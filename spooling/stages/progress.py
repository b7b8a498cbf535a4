"""Moves subscriptions on after their message was handed over: steps 7 to 9 of Seed contract §5.2, set by set.

Every verb here runs in the transaction of the hand-over, on rows that it has locked.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, Func, JSONField, QuerySet, Value

from spooling.models import Subscription
from spooling.models.subscriptions import ProcessStatus
from spooling.stages import gauges, subscriptions, wordings
from spooling.stages.planning import Letter
from stats import metrics


class _NullAt(Func):
    """A JSON object with null at a key."""

    output_field = JSONField()

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> Any:
        return super().as_sql(
            compiler, connection, function="jsonb_set", template="%(function)s(%(expressions)s, 'null')"
        )

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> Any:
        return super().as_sql(
            compiler, connection, function="json_set", template="%(function)s(%(expressions)s, json('null'))"
        )


def advance(letters: Sequence[Letter], *, now: datetime) -> None:
    """Each one's number moves on; who got the last message is complete and begins the next set, if there is one."""
    by_number: defaultdict[int | None, list[int]] = defaultdict(list)
    for letter in letters:
        by_number[letter.following].append(letter.subscription.pk)
    # The highest number stays where it is when a set is complete.
    done = _rows(by_number.pop(None, []))
    done.update(
        completed=True,
        active=False,
        process_status=ProcessStatus.COMPLETED,
        locked_until=None,
        updated_at=now,
    )
    for number, ids in sorted(by_number.items()):
        _rows(ids).update(next_sequence_number=number, locked_until=None, updated_at=now)
    _drop_prepends(letters)
    subscriptions.follow([letter for letter in letters if letter.following is None], now=now)


def touch(letters: Sequence[Letter], *, now: datetime) -> None:
    """A message was sent once more: nothing moves."""
    _rows([letter.subscription.pk for letter in letters]).update(locked_until=None, updated_at=now)


def halt(account_id: int, unreachable: Sequence[Subscription], *, now: datetime) -> None:
    """Nobody was found to send to: nothing more is sent until somebody makes them ready again."""
    if unreachable:
        rows = _rows([subscription.pk for subscription in unreachable])
        rows.update(process_status=ProcessStatus.ERROR, locked_until=None, updated_at=now)
        metrics.add(account_id, {gauges.ERRORED: len(unreachable)}, now=now)


def count(account_id: int, letters: Sequence[Letter], *, now: datetime) -> None:
    """Add what was handed over to the account's metrics."""
    counted: Counter[str] = Counter()
    for letter in letters:
        counted.update(gauges.sent(letter.message_set.content_type, letter.message_set.short_name))
    metrics.add(account_id, counted, now=now)


def _drop_prepends(letters: Sequence[Letter]) -> None:
    """Null, and the key stays: the hubs that wrote it look for it. The rest of the metadata is nobody's to touch."""
    used = [
        letter.subscription.pk for letter in letters if wordings.prepend_of(letter.subscription) is not None
    ]
    if used:
        path = _path(wordings.PREPEND)
        _rows(used).update(metadata=_NullAt(F("metadata"), path))


def _path(key: str) -> Any:
    return Value("{" + key + "}" if connection.vendor == "postgresql" else f"$.{json.dumps(key)}")


def _rows(ids: Sequence[int]) -> QuerySet[Subscription]:
    return Subscription.objects.filter(pk__in=ids)
