"""Webhooks that have something to be told each get a turn on a thread of their own: one that hangs keeps nobody
waiting, and a worker that dies leaves leases that end.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from django.db import connection

from spooling.webhooks import replays, telling
from stats import webhook_leases
from stats.models import Webhook

#: Of one process; and those of them that replays may take.
MOST_THREADS, MOST_REPLAYS = 8, 2
_REPLAY, _WEBHOOK = "replay", "webhook"

_threads: list[threading.Thread] = []


def start_due(*, now: datetime) -> int:
    """Begin a turn of each webhook and replay that is due and has something to be told, as far as threads are free.

    Answers how many.
    """
    _threads[:] = [thread for thread in _threads if thread.is_alive()]
    begun = 0
    for name, work in itertools.chain(_replays(now), _webhooks(now)):
        _start(name, work)
        begun += 1
    return begun


def wait() -> None:
    """Until the turns of this process are over."""
    for thread in _threads:
        thread.join()


def _start(name: str, work: Callable[[], None]) -> None:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run, name=name, daemon=True)
    _threads.append(thread)
    thread.start()


def _webhooks(now: datetime) -> Iterator[tuple[str, Callable[[], None]]]:
    """Leased one by one as they are asked for: first those whose accounts are called least at the moment."""
    if len(_threads) >= MOST_THREADS:
        return
    busy = Counter(Webhook.objects.filter(leased_until__gt=now).values_list("account_id", flat=True))
    found = webhook_leases.due_with_news(now=now)
    for webhook in sorted(found, key=lambda webhook: busy[webhook.account_id]):
        if len(_threads) >= MOST_THREADS:
            return
        if webhook_leases.take(webhook, now=now):
            yield _WEBHOOK, partial(telling.turn, webhook)


def _replays(now: datetime) -> Iterator[tuple[str, Callable[[], None]]]:
    for job in replays.due(now=now):
        if sum(thread.name == _REPLAY for thread in _threads) >= MOST_REPLAYS:
            return
        if replays.take(job, now=now):
            yield _REPLAY, partial(replays.turn, job)
