"""`manage.py trap`: the mail trap, an SMTP server that keeps what it gets."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand

from spooling import trap


class Command(BaseCommand):
    help = "Runs the mail trap until it is told to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.TRAP_HOST)
        parser.add_argument("--port", type=int, default=settings.TRAP_PORT)

    def handle(self, *, host: str, port: int, **options: Any) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(run(host, port))


async def run(host: str, port: int) -> None:
    task = asyncio.create_task(trap.Trap().run(host, port))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await task
