"""How often something happened in the running minute of the clock: counted in this process, or in the cache where
CACHE_URL names one that all processes share.
"""

from __future__ import annotations

import threading
from collections import Counter

from django.conf import settings
from django.core.cache import cache

MINUTE_SECONDS = 60

_lock = threading.Lock()
_counts: Counter[str] = Counter()
_minute_of_counts = 0


def add(name: str, *, minute: int) -> int:
    """Count one; how often it happened in this minute by now."""
    if _is_shared():
        return _add_shared(f"rate:{name}:{minute}")
    with _lock:
        counts = _of(minute)
        counts[name] += 1
        return counts[name]


def seen(name: str, *, minute: int) -> int:
    """How often it happened in this minute by now."""
    if _is_shared():
        return int(cache.get(f"rate:{name}:{minute}", 0))
    with _lock:
        return _of(minute)[name]


def forget() -> None:
    """Let this process count from nothing."""
    with _lock:
        _counts.clear()


def _of(minute: int) -> Counter[str]:
    """Only the present minute's counts are kept, so that strangers' names do not fill the memory."""
    global _minute_of_counts
    if minute != _minute_of_counts:
        _counts.clear()
        _minute_of_counts = minute
    return _counts


def _is_shared() -> bool:
    return "locmem" not in settings.CACHES["default"]["BACKEND"]


def _add_shared(name: str) -> int:
    if cache.add(name, 1, 2 * MINUTE_SECONDS):
        return 1
    try:
        return cache.incr(name)
    except ValueError:
        # Evicted between the two calls.
        return 1
