"""When a mail is tried again. Pure: the clock and the dice are the caller's."""

from __future__ import annotations

from datetime import timedelta

FIRST = timedelta(minutes=5)
LONGEST = timedelta(hours=4)
#: Share of the delay by which it is spread either way, so that what failed together does not come back together.
JITTER = 0.2


def delay(tries: int, dice: float) -> timedelta:
    """How long to wait after the `tries`-th failure (1 is the first); `dice` is a random number in [0, 1)."""
    grown = min(FIRST * 2.0 ** min(max(tries, 1) - 1, 16), LONGEST)
    return grown * (1 - JITTER + 2 * JITTER * dice)
