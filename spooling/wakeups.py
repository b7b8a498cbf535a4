"""Tells the workers that there is mail. A call may be lost: beat calls anyway, and a drain polls."""

from __future__ import annotations

import logging
import threading
import time

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

#: One call per lane and process in this many seconds: a `.delay` costs four times what accepting a mail does.
QUIET_SECONDS = 0.2
#: A call that no worker took by then is stale: a drain has been polling in the meantime.
EXPIRES_SECONDS = 10.0
#: A tick works for longer than one takes to come again: those in between may be dropped.
STAGES_EXPIRE_SECONDS = 5.0

log = logging.getLogger(__name__)
_lock = threading.Lock()
_quiet_until: dict[str, float] = {}


def wake_after_commit(lane: str) -> None:
    """Call once the transaction at hand is committed; at once when there is none."""
    transaction.on_commit(lambda: wake(lane))


def wake(lane: str) -> None:
    """Call at most once per QUIET_SECONDS: now, and once more at the end of the quiet for those who came in it."""
    now = time.monotonic()
    with _lock:
        wait = _quiet_until.get(lane, 0.0) - now
        if wait > QUIET_SECONDS:
            return
        _quiet_until[lane] = now + max(wait, 0.0) + QUIET_SECONDS
    if wait <= 0:
        _send(lane)
        return
    later = threading.Timer(wait, _send, (lane,))
    later.daemon = True
    later.start()


def wake_stages() -> None:
    """Go on with the runs of stage-based messaging. Beat does so each second anyway."""
    _call("spooling.stages", queue="control", expires=STAGES_EXPIRE_SECONDS)


def _send(lane: str) -> None:
    _call("spooling.drain", lane, queue=lane, expires=EXPIRES_SECONDS)


def _call(task: str, *arguments: str, queue: str, expires: float) -> None:
    try:
        current_app.send_task(
            task, args=arguments, queue=queue, expires=expires, retry=False, ignore_result=True
        )
    except (OperationalError, OSError):
        # The rows are stored; a drain finds them by polling.
        log.warning("The broker did not take a call to a worker.", extra={"queue": queue})
