"""Readers of the events of all accounts, who keep where they stand: what each event asks for is done once."""

from __future__ import annotations

from datetime import datetime

from stats import cursors
from stats.cursors import Position
from stats.models import Event, Reader


def position(name: str, *, since: datetime) -> Position:
    """Where the reader stands; one that is new begins with what was recorded `since` then."""
    found = Reader.objects.filter(pk=name).first()
    if found is None:
        start = _start(since)
        Reader.objects.bulk_create(
            [Reader(name=name, transaction=start.transaction, event_id=start.event_id)], ignore_conflicts=True
        )
        found = Reader.objects.get(pk=name)
    return Position(int(found.transaction), found.event_id)


def _start(since: datetime) -> Position:
    """Before the first event of `since` or later, and before all that may still come."""
    near = cursors.since(Event.objects.filter(at__gte=since), cursors.of_moment(since))
    horizon, first = cursors.horizon(), near.order_by("transaction", "id").first()
    return horizon if first is None else min(horizon, Position(int(first.transaction), first.pk))


def move(name: str, source: Position, target: Position) -> bool:
    """From `source` to `target`. False: somebody else moved it, and did what was to be done.

    Belongs first into the transaction that does it: nobody else moves the reader before that ends.
    """
    standing = Reader.objects.filter(pk=name, transaction=source.transaction, event_id=source.event_id)
    return bool(standing.update(transaction=target.transaction, event_id=target.event_id))
