"""`manage.py accept_salt`: makes the present EARWIG_SENDER_SALT the right one."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from earwig import salts
from earwig.models import Sender


class Command(BaseCommand):
    help = "Accepts a changed EARWIG_SENDER_SALT. Stored senders are orphaned: no call finds them again."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true")

    def handle(self, *, force: bool, **options: Any) -> None:
        if not salts.changed():
            self.stdout.write("The salt has not changed.")
            return
        if not force:
            raise CommandError(f"{Sender.objects.count()} senders would be orphaned. Repeat with --force.")
        salts.accept(now=timezone.now())
        self.stdout.write("The salt is accepted.")
