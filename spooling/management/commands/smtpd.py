"""`manage.py smtpd`: the SMTP server, for programs that submit mail and for servers that bring some back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import ssl
from typing import Any

from django.core.management import BaseCommand, CommandError

from spooling.smtpd import certificates, listeners
from spooling.smtpd.listeners import Plan

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Runs the SMTP server until it is told to stop. SIGHUP reads its certificate again."

    def handle(self, **options: Any) -> None:
        plan = Plan.of_settings()
        if not plan.told():
            raise CommandError("SUBMISSION_PORTS, INBOUND_PORTS and SMTPD_LMTP name no port.")
        try:
            context = certificates.load()
            with contextlib.suppress(asyncio.CancelledError):
                asyncio.run(self.run(plan, context))
        except OSError as error:
            raise CommandError(f"It cannot listen ({plan.told()}): {error}") from error

    async def run(self, plan: Plan, context: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(listeners.serve(plan, context, ready=lambda: self.say(plan)))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        if context is not None:
            loop.add_signal_handler(signal.SIGHUP, reload, context)
        await task

    def say(self, plan: Plan) -> None:
        self.stdout.write(f"smtpd: {plan.told()}")
        self.stdout.flush()


def reload(context: ssl.SSLContext) -> None:
    """Take the certificate that is there now; keep the old one where that cannot be used."""
    try:
        certificates.reload(context)
    except OSError as error:
        log.error("The certificate could not be read again.", extra={"error": type(error).__name__})
