"""How far subscriptions should be by their schedule, and how to bring them there (Seed contract §5.6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from spooling.models import Subscription


class Position(NamedTuple):
    """A number in a set, and whether the set should be through."""

    number: int
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """How many messages are missing, and where the subscription should be: in which set, at which number."""

    messages: int
    message_set_id: int
    number: int


def expected(subscription: Subscription, *, until: datetime) -> Position:
    """Where its schedule's runs since it was made should have brought it."""
    raise NotImplementedError


def behind(subscription: Subscription, *, until: datetime) -> Behind:
    """What it missed, through the sets that follow."""
    raise NotImplementedError


def fast_forward(subscription: Subscription, *, until: datetime, now: datetime) -> list[Subscription]:
    """Bring it where it should be without sending anything, through the chain; answers it and those that were made."""
    raise NotImplementedError


def reset_stuck(account_id: int, *, now: datetime) -> int:
    """Make subscriptions ready that another program left in process (status 1); answers how many."""
    raise NotImplementedError


def duplicates(account_id: int) -> list[Subscription]:
    """Those made within 60 s after an otherwise equal one, which is kept. Nothing is deleted."""
    raise NotImplementedError


def remove_duplicates(account_id: int) -> int:
    """Delete what `duplicates` answers; how many."""
    raise NotImplementedError


def prepend_to_audio(account_id: int, *, prepend: str, now: datetime) -> int:
    """Put `prepend` before the next message of each active subscription to an audio set; answers how many."""
    raise NotImplementedError
