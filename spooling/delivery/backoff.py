"""When a mail is tried again. Pure: the clock and the dice are the caller's."""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST = timedelta(minutes=5)
LONGEST = timedelta(hours=4)
#: Share of the delay by which it is spread either way, so that what failed together does not come back together.
JITTER = 0.2
#: How long after the first temporary failure a mail is still tried. RFC 5321 §4.5.4.1 asks for days; a password reset
#: that late serves nobody.
HORIZONS = {"transactional": timedelta(hours=24), "bulk": timedelta(hours=48)}


def delay(tries: int, dice: float) -> timedelta:
    """How long to wait after the `tries`-th failure (1 is the first); `dice` is a random number in [0, 1)."""
    grown = min(FIRST * 2.0 ** min(max(tries, 1) - 1, 16), LONGEST)
    return grown * (1 - JITTER + 2 * JITTER * dice)


def give_up_at(lane: str, *, now: datetime) -> datetime:
    """The horizon of a mail that fails for the first time at `now`."""
    return now + HORIZONS[lane]
