"""The public ids of mails and submissions. Pure, but for the system's randomness."""

from __future__ import annotations

import os
import re
import uuid
from datetime import datetime


def draw(count: int, *, now: datetime) -> list[str]:
    """`count` UUIDs of version 7 (RFC 9562) as hex: the time in ms, then 72 random bits.

    Time first, because every move of a mail writes its indexes anew: with 128 random bits that one index was a third
    of a claim and of a settlement.
    """
    stamp = f"{int(now.timestamp() * 1000):012x}7"
    random = os.urandom(9 * count).hex()
    return [f"{stamp}{random[i:i + 3]}a{random[i + 3:i + 18]}" for i in range(0, 18 * count, 18)]


_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
#: As many as 128 bits need.
_PLACES = 25
_LETTER_FIRST = re.compile(f"m([0-9a-z]{{{_PLACES}}})")


def letter_first(public_id: uuid.UUID) -> str:
    """The id as 26 lower-case letters and digits, the first one a letter: no client takes it for a number."""
    rest, written = public_id.int, ""
    for _ in range(_PLACES):
        rest, digit = divmod(rest, len(_DIGITS))
        written = _DIGITS[digit] + written
    return f"m{written}"


def from_letter_first(text: str) -> uuid.UUID | None:
    """What `letter_first` wrote; None for any other text."""
    match = _LETTER_FIRST.fullmatch(text)
    number = int(match[1], len(_DIGITS)) if match else 1 << 128
    return None if number >> 128 else uuid.UUID(int=number)


def bounds(now: datetime) -> tuple[uuid.UUID, uuid.UUID]:
    """Between which all ids are that are drawn at this moment; none was before 1970."""
    stamp = f"{max(0, int(now.timestamp() * 1000)):012x}"
    return uuid.UUID(stamp + "0" * 20), uuid.UUID(stamp + "f" * 20)
