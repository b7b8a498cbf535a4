"""Submitted messages wait here for a thread that stores them: one under light load, several in a statement else."""

from __future__ import annotations

import asyncio
import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from spooling.smtpd import replies, submissions
from spooling.smtpd.submissions import Submitted

#: Messages, and octets of them, that are stored together.
TOGETHER, OCTETS_TOGETHER = 50, 4 * 1024 * 1024
#: A connection that rested for so long is looked at before it is used; one that fails in use is closed anyway.
RESTED_SECONDS = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    submitted: Submitted
    answer: Callable[[str], None]


class Queue:
    """Threads that store what is put; each has a connection to the database of its own."""

    def __init__(self, threads: int) -> None:
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"submissions-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    async def put(self, submitted: Submitted) -> str:
        """The reply, once what it says is true."""
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[str] = loop.create_future()

        def settle(text: str) -> None:
            if not reply.done():
                reply.set_result(text)

        self._waiting.put(_Waiting(submitted, lambda text: _call(loop, settle, text)))
        return await reply

    def close(self) -> None:
        """Store what waits, and end."""
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        used_at = -math.inf
        try:
            while (batch := self._batch()) is not None:
                if time.monotonic() - used_at > RESTED_SECONDS:
                    connection.close_if_unusable_or_obsolete()
                used_at = time.monotonic()
                for waiting, reply in zip(batch, _replies([each.submitted for each in batch]), strict=True):
                    waiting.answer(reply)
        finally:
            connection.close()

    def _batch(self) -> list[_Waiting] | None:
        first = self._waiting.get()
        if first is None:
            return None
        batch, octets = [first], len(first.submitted.raw)
        while len(batch) < TOGETHER and octets < OCTETS_TOGETHER and not self._waiting.empty():
            try:
                more = self._waiting.get_nowait()
            except queue.Empty:
                break
            if more is None:
                # Somebody's turn to end: ours, after this batch.
                self._waiting.put(None)
                break
            batch.append(more)
            octets += len(more.submitted.raw)
        return batch


def _call(loop: asyncio.AbstractEventLoop, settle: Callable[[str], None], text: str) -> None:
    try:
        loop.call_soon_threadsafe(settle, text)
    except RuntimeError:
        # The server has ended meanwhile; its client has not heard, and will send again.
        log.warning("A reply found no connection.")


def _replies(batch: Sequence[Submitted]) -> list[str]:
    replied: dict[int, str] = {}
    try:
        for place, reply in submissions.accept(batch, now=timezone.now()):
            replied[place] = reply
    except Exception as error:
        # The outermost loop of this thread: a message that breaks it must not end the service for all.
        log.error("Submitted messages broke their taking.", extra={"error": type(error).__name__})
        connection.close()
        # Those that have no reply were not stored.
        for place in range(len(batch)):
            if place not in replied:
                alone = len(batch) == 1
                replied[place] = replies.NOT_STORED if alone else _replies([batch[place]])[0]
    return [replied[place] for place in range(len(batch))]
