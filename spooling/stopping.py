"""Whether this worker was asked to stop: its drain ends in a moment instead of after its half minute."""

from __future__ import annotations

import multiprocessing
from typing import Any

from celery.signals import worker_shutting_down

# Shared memory: the signal fires in the worker's main process, the drain runs in a child that was forked from it.
_asked = multiprocessing.get_context("fork").Event()


def asked() -> bool:
    return _asked.is_set()


@worker_shutting_down.connect
def _note(**_: Any) -> None:
    _asked.set()
