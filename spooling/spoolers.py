"""Campaigns and standing streams: their life cycle is O(1), it never touches their mails."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, Exists, OuterRef, Q, Value, When
from django.db.models.functions import Coalesce

from earwig.models import Account, Domain
from spooling import errors, ledger, wakeups
from spooling.models import Backlog, Mail, Spooler
from spooling.models.spoolers import Lane, PauseReason, SpoolerState, SpoolerType

_MOVES: dict[str, tuple[SpoolerState, ...]] = {
    SpoolerState.READY: (SpoolerState.PENDING, SpoolerState.PAUSED),
    SpoolerState.PAUSED: (SpoolerState.READY, SpoolerState.FINISHED),
    SpoolerState.FINISHED: (SpoolerState.READY,),
    SpoolerState.CANCELLED: (
        SpoolerState.PENDING,
        SpoolerState.READY,
        SpoolerState.PAUSED,
        SpoolerState.FINISHED,
    ),
}

_streams: dict[tuple[int, str], int] = {}


def stream_id(account_id: int, lane: str) -> int:
    """The id of the account's standing stream for `lane`; made when first asked for. Cached: it never changes."""
    known = _streams.get((account_id, lane))
    if known is None:
        known = _stream(account_id, lane).pk
        if not transaction.get_connection().in_atomic_block:
            _streams[account_id, lane] = known
    return known


def _stream(account_id: int, lane: str) -> Spooler:
    wanted = {"account_id": account_id, "lane": lane, "type": SpoolerType.STREAM}
    found = Spooler.objects.filter(**wanted).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return Spooler.objects.create(**wanted, name=f"{Lane(lane).label} mail", state=SpoolerState.READY)
    except IntegrityError:
        return Spooler.objects.get(**wanted)


def open_campaign(
    account: Account, *, name: str = "", lane: str = Lane.BULK, domain: Domain | None = None, now: datetime
) -> Spooler:
    """A new campaign that takes mail and sends none before `ready`."""
    return Spooler.objects.create(
        account=account, name=name, lane=lane, domain=domain, start_at=now, created_at=now
    )


def of_drafts(account_id: int, domain_id: int | None) -> Spooler:
    """The hidden spooler that takes the drafts of a sending domain, or of an account without one."""
    wanted = {"account_id": account_id, "domain_id": domain_id, "type": SpoolerType.DRAFT}
    found = Spooler.objects.filter(**wanted).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return Spooler.objects.create(
                **wanted, name="Drafts", lane=Lane.TRANSACTIONAL, state=SpoolerState.READY
            )
    except IntegrityError:
        return Spooler.objects.get(**wanted)


def ready(spooler: Spooler, *, now: datetime) -> None:
    """Let it send from `start_at` on; one that took no more mail still takes none.

    Raises SpoolerStateConflict unless it is pending or paused, SpoolerStale where its time has passed.
    """
    _require_time(spooler, now)
    lets_go = Case(When(closed_at=None, then=Value(SpoolerState.READY)), default=Value(SpoolerState.FINISHED))
    launched = Coalesce("launched_at", Value(now))
    changes = {"state": lets_go, "launched_at": launched, "resumed_at": now, "paused_because": ""}
    _move(spooler, SpoolerState.READY, **changes, paused_at=None)
    wakeups.wake_after_commit(spooler.lane)


def resume(spooler: Spooler, *, now: datetime) -> None:
    """As `ready`, of a paused one only: one that is being filled is launched."""
    if spooler.state != SpoolerState.PAUSED:
        raise errors.SpoolerStateConflict
    ready(spooler, now=now)


def pause(spooler: Spooler, *, because: str = PauseReason.REQUEST, now: datetime) -> None:
    """Send nothing more of it until `ready`; workers notice within a second."""
    _move(spooler, SpoolerState.PAUSED, paused_because=because, paused_at=now)


def finish(spooler: Spooler, *, now: datetime) -> None:
    """Take no more mail; what waits still leaves, of a paused one once it is resumed. Ended at once where nothing does.

    Raises SpoolerStateConflict unless it is ready, or paused and still takes mail.
    """
    paused = Spooler.objects.filter(pk=spooler.pk, state=SpoolerState.PAUSED, closed_at=None)
    if paused.update(closed_at=now):
        spooler.refresh_from_db()
    else:
        _move(spooler, SpoolerState.FINISHED, closed_at=now)
    _end_if_done(spooler, now)


def cancel(spooler: Spooler, *, now: datetime) -> None:
    """Whatever has not left never will. Its rows are settled by the sweeper."""
    _move(spooler, SpoolerState.CANCELLED, ended_at=now)


def end_done(*, now: datetime) -> int:
    """End campaigns of which every mail is settled; answers how many.

    A bulk campaign ends by itself, unless mail was added to it after its launch: then more may come until `finish`.
    """
    busy = Backlog.objects.filter(spooler=OuterRef("pk"), next_due_at__isnull=False)
    started = Spooler.objects.filter(type=SpoolerType.CAMPAIGN, ended_at=None, start_at__lte=now)
    closable = started.filter(
        ~Exists(busy), Q(closed_at__isnull=False) | Q(state=SpoolerState.READY, lane=Lane.BULK)
    )
    return sum(_end_if_done(spooler, now) for spooler in closable.order_by("id"))


def _end_if_done(spooler: Spooler, now: datetime) -> bool:
    figures = ledger.of_spooler(spooler.pk)
    if any(figures[state] for state in ("waiting", "sending", "in_doubt")):
        return False
    if spooler.state == SpoolerState.READY and (not figures["spooled"] or _is_fed(spooler)):
        return False
    still = Spooler.objects.filter(pk=spooler.pk, state=spooler.state, ended_at=None)
    ended = still.update(
        state=SpoolerState.FINISHED, ended_at=now, closed_at=Coalesce("closed_at", Value(now))
    )
    if ended:
        spooler.refresh_from_db()
    return bool(ended)


def _is_fed(spooler: Spooler) -> bool:
    """Whether mail was added after the launch."""
    newest = Mail.objects.filter(spooler=spooler).order_by("-id").values_list("created_at", flat=True).first()
    return newest is not None and spooler.launched_at is not None and newest > spooler.launched_at


def _require_time(spooler: Spooler, now: datetime) -> None:
    if spooler.is_stale(now):
        raise errors.SpoolerStale


def _move(spooler: Spooler, move: SpoolerState, **changes: Any) -> None:
    movable = Spooler.objects.filter(pk=spooler.pk, state__in=_MOVES[move], ended_at=None)
    if move in (SpoolerState.FINISHED, SpoolerState.CANCELLED):
        # Streams and what takes drafts stand for good.
        movable = movable.filter(type=SpoolerType.CAMPAIGN)
    if not movable.update(**{"state": move, **changes}):
        raise errors.SpoolerStateConflict
    spooler.refresh_from_db()
