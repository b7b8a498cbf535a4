"""The public ids of mails and submissions. Pure, but for the system's randomness."""

from __future__ import annotations

import os
from datetime import datetime


def draw(count: int, *, now: datetime) -> list[str]:
    """`count` UUIDs of version 7 (RFC 9562) as hex: the time in ms, then 72 random bits.

    Time first, because every move of a mail writes its indexes anew: with 128 random bits that one index was a third
    of a claim and of a settlement.
    """
    stamp = f"{int(now.timestamp() * 1000):012x}7"
    random = os.urandom(9 * count).hex()
    return [f"{stamp}{random[i:i + 3]}a{random[i + 3:i + 18]}" for i in range(0, 18 * count, 18)]
