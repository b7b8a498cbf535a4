"""Settlements: claimed mails move to where their results say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Min

from spooling.models import Backlog, Pending
from spooling.models.spoolers import Lane
from spooling.outbox import dialect
from spooling.outbox.values import Result


def settle(results: Sequence[Result], *, router_id: int | None, router_name: str, now: datetime) -> int:
    """Move claimed mails, append their events and increments; answers how many moved.

    Guarded by claim and state: the results of a claim that rescue took away change nothing.
    """
    if not results:
        return 0
    moved: int = dialect.current().settle(results, router_id=router_id, router_name=router_name, now=now)
    if waiting := [result.mail_id for result in results if result.state == "waiting"]:
        _note_backlogs(waiting)
    return moved


def _note_backlogs(mail_ids: Sequence[int]) -> None:
    """Bulk's workers look again when the first of these mails is due. Lost by a crash, the control tick makes it up."""
    waiting = Pending.objects.filter(mail__in=mail_ids, lane=Lane.BULK, state="waiting")
    for place in waiting.values("spooler_id", "provider").annotate(first=Min("due_at")).order_by():
        backlog = Backlog.objects.of(place["spooler_id"], place["provider"])
        backlog.idle_at(place["first"]).update(next_due_at=place["first"])
        backlog.filter(floor_at__gte=place["first"]).update(floor_at=None, floor_id=0)
