"""`manage.py purge`: what is due to be erased, now."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from earwig import audit, senders
from earwig.models import Sender
from spooling import privacy


class Command(BaseCommand):
    help = (
        "Erases the senders whose time has passed and the mails that are older than MAIL_RETENTION. "
        "With --sender, one sender at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", metavar="SLUG", help="Only with --sender.")
        parser.add_argument(
            "--sender", metavar="ID", help="The 64 hex digits of a sender, or its address as handed over."
        )

    def handle(self, *, account: str | None, sender: str | None, **options: Any) -> None:
        if sender:
            self._forget(account, sender)
            return
        now = timezone.now()
        self.stdout.write(
            f"{privacy.purge_overdue(now)} senders and {privacy.erase_old_mails(now)} mails erased."
        )

    def _forget(self, account: str | None, sender: str) -> None:
        rows = Sender.objects.filter(hash__in=(sender, senders.hash_of(sender)), email__isnull=False)
        if account:
            rows = rows.filter(account__slug=account)
        forgotten = list(rows.select_related("account"))
        if not forgotten:
            raise CommandError("There is no such sender, or it is erased already.")
        now = timezone.now()
        for row in forgotten:
            privacy.forget(row, now=now)
            audit.record("purge", row, account=row.account, now=now)
        self.stdout.write(f"{len(forgotten)} senders erased.")
