"""Sending limits of accounts: checked against figures at most a second old when mail is accepted, again at claim."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum

from earwig.models import Account
from spooling import errors
from spooling.models import LedgerDelta

#: How long counted figures serve.
FIGURES_SECONDS = 1.0
#: How long an account's limits serve; a change in the admin holds from then on.
LIMITS_SECONDS = 5.0
#: Nothing is foretold beyond.
LONGEST = timedelta(days=365)

_WINDOWS = (
    ("mails_per_hour", timedelta(hours=1)),
    ("mails_per_day", timedelta(days=1)),
    ("mails_per_month", timedelta(days=30)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A limit: so many mails in any span so long, and how many are left now."""

    limit: int
    span: timedelta
    left: int


@dataclass(slots=True)
class _Room:
    """What an account may still do; `until` tells when to look again."""

    until: datetime
    left: int | None


_lock = threading.Lock()
_rooms: dict[tuple[int, str], _Room] = {}


def check(account_id: int, count: int, *, now: datetime) -> None:
    """Take room for `count` mails to be spooled. Raises LimitReached when there is not enough for all of them."""
    if take(account_id, count, figure="spooled", now=now) < count:
        _rooms.pop((account_id, "spooled"), None)
        raise errors.LimitReached


def take(account_id: int, count: int, *, figure: str, now: datetime) -> int:
    """How many of `count` mails fit: all of them where the account has no limit. `figure` is a column of the ledger."""
    room = _rooms.get((account_id, figure))
    if room is None or room.until <= now:
        room = _look(account_id, figure, now)
    if room.left is None:
        return count
    with _lock:
        taken = max(0, min(count, room.left))
        room.left -= taken
    return taken


def windows(account_id: int, *, figure: str, now: datetime) -> list[Window]:
    """The account's limits, each with what is left of it now."""
    account = Account.objects.only(*(name for name, _ in _WINDOWS)).get(pk=account_id)
    limited = [(getattr(account, name), span) for name, span in _WINDOWS]
    return [
        Window(limit=limit, span=span, left=max(0, limit - _count(account_id, figure, now - span)))
        for limit, span in limited
        if limit is not None
    ]


def room_at(account_id: int, window: Window, mails: int, *, figure: str, now: datetime) -> datetime | None:
    """When the last of so many more mails fits, if each leaves as soon as it does. None: never, or not within LONGEST.

    What was counted leaves the window first to last; the ledger knows it by the minute, after two hours by the hour.
    """
    if not window.limit or (rounds := (mails - 1) // window.limit) > LONGEST // window.span:
        return None
    since = now - window.span
    in_the_way = _count(account_id, figure, since) + mails - (rounds + 1) * window.limit
    return _counted_at(account_id, figure, since, in_the_way) + window.span * (rounds + 1)


def _counted_at(account_id: int, figure: str, since: datetime, number: int) -> datetime:
    """When the mail of this number was counted, the first one after `since` being 1; `since` for 0 and below."""
    at: datetime
    if number > 0:
        deltas = LedgerDelta.objects.filter(account_id=account_id, at__gt=since).order_by("at")
        for at, count in deltas.values_list("at", figure).iterator():
            number -= count
            if number <= 0:
                return at
    return since


def _look(account_id: int, figure: str, now: datetime) -> _Room:
    lefts = [window.left for window in windows(account_id, figure=figure, now=now)]
    if lefts:
        room = _Room(now + timedelta(seconds=FIGURES_SECONDS), min(lefts))
    else:
        room = _Room(now + timedelta(seconds=LIMITS_SECONDS), None)
    _rooms[account_id, figure] = room
    return room


def _count(account_id: int, figure: str, since: datetime) -> int:
    deltas = LedgerDelta.objects.filter(account_id=account_id, at__gt=since)
    return int(deltas.aggregate(total=Sum(figure))["total"] or 0)
