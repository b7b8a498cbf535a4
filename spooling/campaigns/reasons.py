"""One link of the chain that tells why a mail is where it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """`code` is stable, `message` for people, `at` since when, or when it goes on."""

    code: str
    message: str
    at: datetime | None = None
