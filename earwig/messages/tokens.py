"""Keyed hashes that make ids in links and addresses unguessable. They outlive a rotation of the ring."""

from __future__ import annotations

import hmac
from enum import StrEnum

from earwig import sealing

#: Hex digits in a thread's address, whose local part has 64 characters at most: 64 bits, checked online only.
_THREAD_LENGTH = 16


class Purpose(StrEnum):
    """What a token opens; one never opens another's door."""

    FLAG = "handoff flag"
    STATISTICS = "handoff statistics"
    THREAD = "handoff thread"


def token_of(purpose: Purpose, number: int) -> str:
    """Hex digits: 128 bits, in addresses of threads 64."""
    return sealing.token_of(purpose, str(number), _THREAD_LENGTH if purpose is Purpose.THREAD else 32)


def opens(token: str, purpose: Purpose, number: int) -> bool:
    """Whether this is the token, compared in constant time."""
    return hmac.compare_digest(token.encode("utf-8", "replace"), token_of(purpose, number).encode())
