"""`manage.py export_message_sets`: message sets as the CSV that `import_message_sets` reads."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from earwig.models import Account
from spooling.models import MessageSet
from spooling.stages import set_exports


class Command(BaseCommand):
    help = "Prints the message sets of an account as CSV: all, or those that are named."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("short_name", nargs="*")

    def handle(self, *, slug: str, short_name: list[str], **options: Any) -> None:
        account = Account.objects.filter(slug=slug).first()
        if account is None:
            raise CommandError("There is no account of this name.")
        sets = MessageSet.objects.filter(account=account)
        if short_name:
            sets = sets.filter(short_name__in=short_name)
            missing = set(short_name) - set(sets.values_list("short_name", flat=True))
            if missing:
                raise CommandError(f"There is no message set {min(missing)}.")
        for line in set_exports.to_csv(sets):
            self.stdout.write(line, ending="")
