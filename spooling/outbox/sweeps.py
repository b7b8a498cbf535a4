"""What the control tick mends in the outbox: mails in doubt, overdue or cancelled, and backlogs that lag behind."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime

from django.conf import settings
from django.db.models import Exists, OuterRef, Sum

from earwig.models.accounts import InDoubtPolicy
from spooling import ledger
from spooling.models import Backlog, LedgerDelta, Pending, Spooler
from spooling.models.mails import PENDING, MailState
from spooling.models.spoolers import RUNNING, Lane, SpoolerState
from spooling.outbox import backoff, moves
from stats.models import EventKind

_HOLD = moves.Move(
    source=MailState.IN_DOUBT,
    target=MailState.QUARANTINED,
    kind=EventKind.QUARANTINED,
    why="in doubt: the policy is hold",
)
_EXPIRE = moves.Move(
    source=MailState.WAITING,
    target=MailState.EXPIRED,
    kind=EventKind.EXPIRED,
    why="its time to leave has passed",
)
_CANCEL = moves.Move(
    source=MailState.WAITING,
    target=MailState.CANCELLED,
    kind=EventKind.CANCELLED,
    why="its spooler was cancelled",
)


def resolve_doubts(*, now: datetime) -> int:
    """Do with mails in doubt what their account's policy for their lane says.

    A mail's first doubt is sent again at once. Later ones wait as after any failure, and at the horizon it is held: a
    server that takes a mail and never says so would get it without end.
    """
    rows = Pending.objects.filter(state=MailState.IN_DOUBT).values_list(
        *("mail_id", "lane", "mail__tries", "mail__give_up_at"),
        *("account__in_doubt_transactional", "account__in_doubt_bulk"),
    )[: moves.SWEEP_SIZE]
    resend: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    hold: list[int] = []
    for mail_id, lane, tries, give_up_at, transactional, bulk in rows:
        policy = transactional if lane == Lane.TRANSACTIONAL else bulk
        if policy == InDoubtPolicy.RESEND and (give_up_at is None or now < give_up_at):
            resend[lane, tries].append(mail_id)
        else:
            hold.append(mail_id)
    moved = sum(moves.apply(_resend(*which, now), ids, now=now) for which, ids in resend.items())
    return moved + moves.apply(_HOLD, hold, now=now)


def _resend(lane: str, tries: int, now: datetime) -> moves.Move:
    return moves.Move(
        source=MailState.IN_DOUBT,
        target=MailState.WAITING,
        kind=EventKind.REQUEUED,
        why="in doubt: the policy is resend",
        due_at=now if tries <= 1 else now + backoff.delay(tries - 1, random.random()),
        give_up_at=now + settings.RETRY_HORIZONS[lane],
    )


def expire(*, now: datetime) -> int:
    """Expire waiting mails whose `not_after` passed, whether or not anything would claim them."""
    late = Pending.objects.filter(state=MailState.WAITING, not_after__lt=now)
    return moves.apply(_EXPIRE, late.values_list("mail_id", flat=True)[: moves.SWEEP_SIZE], now=now)


def cancel_rows(*, now: datetime) -> int:
    """Bring the rows of cancelled spoolers after them, a few thousand a call."""
    moved = 0
    for spooler in Spooler.objects.filter(state=SpoolerState.CANCELLED, swept_at=None)[:10]:
        waiting = Pending.objects.filter(spooler=spooler, lane=spooler.lane, state=MailState.WAITING)
        moved += moves.apply(_CANCEL, waiting.values_list("mail_id", flat=True)[: moves.SWEEP_SIZE], now=now)
        figures = ledger.of_spooler(spooler.pk)
        if not any(figures[state] for state in (*PENDING, MailState.SENDING)):
            Spooler.objects.filter(pk=spooler.pk).update(swept_at=now)
    return moved


def wake_backlogs(*, since: datetime, now: datetime) -> int:
    """Wake the backlogs of running spoolers in which something waits though they know of nothing due.

    That happens when mail was committed while a worker found the backlog empty. Looks at spoolers that got mail
    `since` then.
    """
    filled = LedgerDelta.objects.filter(spooler=OuterRef("pk"), at__gte=since, waiting__gt=0)
    asleep = Spooler.objects.filter(
        Exists(filled), backlogs__next_due_at=None, state__in=RUNNING, lane=Lane.BULK
    )
    waiting = (
        LedgerDelta.objects.filter(spooler__in=asleep.distinct().values("id"))
        .values("spooler_id")
        .annotate(n=Sum("waiting"))
        .filter(n__gt=0)
        .order_by()
    )
    woken = [row["spooler_id"] for row in waiting]
    return Backlog.objects.filter(spooler_id__in=woken, next_due_at=None).update(
        next_due_at=now, floor_at=None, floor_id=0
    )
