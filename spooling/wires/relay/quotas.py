"""Sending limits as this wire tells them (contract §1.5, §7.3)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from spooling import limits
from spooling.wires.relay import dates

#: What a limit's span is called.
PERIODS = {timedelta(hours=1): "hourly", timedelta(days=1): "daily", timedelta(days=30): "monthly"}


def exceeded(account_id: int, *, now: datetime) -> dict[str, Any]:
    """The four members that tell of a limit that is reached: of the one that leaves least."""
    windows = limits.windows(account_id, figure="spooled", now=now)
    if not windows:
        # It was lifted meanwhile.
        return {
            "deliveriesCount": 0,
            "limit": 0,
            "period": PERIODS[timedelta(hours=1)],
            "resetDate": dates.written(now.replace(microsecond=0)),
        }
    tightest = min(windows, key=lambda window: window.left)
    return {
        "deliveriesCount": tightest.limit - tightest.left,
        "limit": tightest.limit,
        "period": PERIODS[tightest.span],
        # Whole seconds: a client's parser takes no fraction of two digits.
        "resetDate": dates.written((now + tightest.span).replace(microsecond=0)),
    }


def shown(account_id: int, *, now: datetime) -> dict[str, Any]:
    """The account's limits by the names of their spans; a limit of 0 is one."""
    return {
        PERIODS[window.span]: {
            "limit": window.limit,
            "remaining": window.left,
            "reset": dates.written((now + window.span).replace(microsecond=0)),
        }
        for window in limits.windows(account_id, figure="spooled", now=now)
    }
