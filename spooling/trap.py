"""The mail trap: an SMTP server that takes everything, keeps it for a while and sends nothing on."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import aiosmtpd.smtp
from django.conf import settings
from django.db import Error, connection, transaction
from django.utils import timezone

from spooling import received
from spooling.models import TrappedMail

SIZE_LIMIT_BYTES = 64 * 1024 * 1024
#: Rows kept at most, whatever their age.
KEEP_ROWS = 200_000
#: Rows per commit: one under light load, more when several connections wait for the same commit.
BATCH_ROWS = 200

STORED = "250 2.0.0 kept in the trap"
NOT_STORED = "451 4.3.0 the trap could not store it"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    rows: list[TrappedMail]
    reply: asyncio.Future[str]


# No slots: aiosmtpd reads every attribute of its handler, which CPython 3.11.2 then refuses for `__weakref__`.
@dataclass
class Trap:
    """Answers 250 only when the mail's rows are committed. One thread writes, several mails in a commit."""

    _queue: asyncio.Queue[_Waiting] = field(default_factory=asyncio.Queue)
    _writer: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "trap-writer"))

    async def run(self, host: str, port: int) -> None:
        """Listens until cancelled. Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        session = functools.partial(
            aiosmtpd.smtp.SMTP,
            self,
            data_size_limit=SIZE_LIMIT_BYTES,
            enable_SMTPUTF8=True,
            hostname="trap.localhost",
            ident="Earwig mail trap",
            loop=loop,
        )
        server = await loop.create_server(session, host, port, backlog=256)
        try:
            async with server:
                await self._write()
        finally:
            # `connection` is the calling thread's: the lambda makes it the writer's.
            self._writer.submit(lambda: connection.close())
            self._writer.shutdown()

    async def handle_DATA(
        self, server: aiosmtpd.smtp.SMTP, session: aiosmtpd.smtp.Session, envelope: aiosmtpd.smtp.Envelope
    ) -> str:
        waiting = _Waiting(rows_of(envelope, timezone.now()), asyncio.get_running_loop().create_future())
        await self._queue.put(waiting)
        return await waiting.reply

    async def _write(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while not self._queue.empty() and sum(len(one.rows) for one in batch) < BATCH_ROWS:
                batch.append(self._queue.get_nowait())
            rows = [row for one in batch for row in one.rows]
            answer = await asyncio.get_running_loop().run_in_executor(self._writer, _stored, rows)
            for one in batch:
                if not one.reply.done():
                    one.reply.set_result(answer)


def rows_of(envelope: aiosmtpd.smtp.Envelope, now: datetime) -> list[TrappedMail]:
    """One unsaved row a recipient."""
    raw = envelope.original_content or b""
    subject = received.subject_of(raw)
    return [
        TrappedMail(
            received_at=now,
            envelope_sender=received.printable(envelope.mail_from or "")[:320],
            envelope_recipient=received.printable(recipient)[:320],
            subject=subject[:500],
            raw=raw,
        )
        for recipient in envelope.rcpt_tos
    ]


def prune(*, now: datetime) -> int:
    """Deletes what is older than TRAP_RETENTION days, and the oldest beyond KEEP_ROWS. Returns how many."""
    old = now - timedelta(days=settings.TRAP_RETENTION)
    gone, _ = TrappedMail.objects.filter(received_at__lt=old).delete()
    surplus = TrappedMail.objects.order_by("-id").values_list("id", flat=True)[KEEP_ROWS : KEEP_ROWS + 1]
    for first in list(surplus):
        more, _ = TrappedMail.objects.filter(id__lte=first).delete()
        gone += more
    return gone


def _stored(rows: Sequence[TrappedMail]) -> str:
    try:
        with transaction.atomic():
            TrappedMail.objects.bulk_create(rows)
    except Error:
        log.exception("trapped mail not stored", extra={"rows": len(rows)})
        connection.close()
        return NOT_STORED
    return STORED
