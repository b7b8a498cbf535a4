"""Moves of mails that no worker holds: cancel, retry, expire, and what a policy decides of a mail in doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import QuerySet

from spooling import errors, ledger, wakeups
from spooling.models import Backlog, Mail, Spooler
from spooling.models.mails import PENDING, MailState
from spooling.models.spoolers import Lane, SpoolerState
from spooling.outbox import pending
from stats import events
from stats.models import EventKind

#: Rows a sweep moves in one transaction.
SWEEP_SIZE = 2_000
#: States of mails that can be put back.
RETRIED = (MailState.FAILED, MailState.QUARANTINED, MailState.IN_DOUBT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """From one state to another, told as an event of `kind`. `why` goes into the event's detail.

    A mail that waits again starts anew: it is due, and has all its tries. With `due_at` it goes on instead, up to its
    horizon: `give_up_at` where it has none yet.
    """

    source: MailState
    target: MailState
    kind: EventKind
    why: str
    due_at: datetime | None = None
    give_up_at: datetime | None = None


class _Moved(NamedTuple):
    id: int
    account_id: int
    domain_id: int | None
    spooler_id: int
    email: str
    provider: str
    lane: str
    deferral: int


def cancel(mail: Mail, *, now: datetime) -> None:
    """The mail never leaves. Raises MailHasLeft unless it was waiting."""
    move = Move(
        source=MailState.WAITING,
        target=MailState.CANCELLED,
        kind=EventKind.CANCELLED,
        why="cancelled by request",
    )
    if not apply(move, [mail.pk], now=now):
        raise errors.MailHasLeft


def retry(mails: QuerySet[Mail], *, states: Iterable[str] = RETRIED, why: str, now: datetime) -> int:
    """Put mails back that are in one of these states; the others stay. Answers how many wait again.

    Those of cancelled spoolers stay too: they would wait for good.
    """
    moved = 0
    mails = mails.exclude(spooler__state=SpoolerState.CANCELLED)
    for source in states:
        move = Move(source=MailState(source), target=MailState.WAITING, kind=EventKind.REQUEUED, why=why)
        moved += apply(move, mails.filter(state=source).values_list("id", flat=True), now=now)
    return moved


@transaction.atomic
def apply(move: Move, mail_ids: Iterable[int], *, now: datetime) -> int:
    """Move those of `mail_ids` that are in `move.source`, with events and ledger; answers how many."""
    ids = list(mail_ids)
    if move.source in PENDING:
        ids = pending.take(ids, move.source)
    rows = _update(move, ids, now)
    if move.target in PENDING:
        pending.leave(pending.of_ids([row.id for row in rows]))
    drafts = Spooler.objects.drafts_among(row.spooler_id for row in rows)
    events.record([_happening(row, move, now) for row in rows if row.spooler_id not in drafts])
    ledger.book(
        [(row.account_id, row.spooler_id) for row in rows], source=move.source, target=move.target, now=now
    )
    if move.target == MailState.WAITING:
        _wake(rows, now)
    return len(rows)


def _update(move: Move, mail_ids: Sequence[int], now: datetime) -> list[_Moved]:
    if not mail_ids:
        return []
    marks = ", ".join(["%s"] * len(mail_ids))
    columns = ", ".join(_Moved._fields)
    changes, parameters = _changes(move, now)
    statement = (
        f"UPDATE spooling_mail SET state = %s, deferral = deferral %% 2 * 2{changes} "
        f"WHERE id IN ({marks}) AND state = %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"{statement} RETURNING {columns}",
            [move.target.value, *parameters, *mail_ids, move.source.value],
        )
        return [_Moved(*row) for row in cursor.fetchall()]


def _changes(move: Move, now: datetime) -> tuple[str, list[Any]]:
    """What changes beside the state, and the parameters for it."""
    stored = connection.ops.adapt_datetimefield_value
    if move.target != MailState.WAITING:
        return ", ended_at = %s", [None if move.target == MailState.IN_DOUBT else stored(now)]
    if move.due_at is None:
        return ", ended_at = NULL, due_at = %s, give_up_at = NULL, tries = 0", [stored(now)]
    goes_on = ", ended_at = NULL, due_at = %s, give_up_at = coalesce(give_up_at, %s)"
    return goes_on, [stored(move.due_at), stored(move.give_up_at)]


def _happening(row: _Moved, move: Move, now: datetime) -> events.Happening:
    return events.Happening(
        account_id=row.account_id,
        domain_id=row.domain_id,
        spooler_id=row.spooler_id,
        mail_id=row.id,
        destination=row.email.rpartition("@")[2].lower(),
        provider=row.provider,
        router="",
        lane=row.lane,
        kind=move.kind,
        at=now,
        ends=_ended(row, move),
        detail={"why": move.why},
    )


def _ended(row: _Moved, move: Move) -> str:
    """The figure that the mail leaves: of the state that it ended in, or of what was deferred."""
    if move.source in (MailState.FAILED, MailState.QUARANTINED):
        return move.source.value
    return EventKind.TEMPFAIL if row.deferral > 1 else ""


def _wake(rows: Sequence[_Moved], now: datetime) -> None:
    for (spooler_id, provider), _ in Counter(
        (row.spooler_id, row.provider) for row in rows if row.lane == Lane.BULK
    ).items():
        Backlog.objects.of(spooler_id, provider).update(next_due_at=now, floor_at=None, floor_id=0)
    for lane in {row.lane for row in rows}:
        wakeups.wake_after_commit(lane)
