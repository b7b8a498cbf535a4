"""`manage.py import_message_sets`: message sets with their messages, from CSV."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from earwig import audit, errors
from earwig.models import Account
from spooling.stages import set_imports


class Command(BaseCommand):
    help = "Imports message sets from a CSV file: all of it, or nothing. Exits 1 when a line was refused."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("file", type=Path, help="CSV in UTF-8; - is standard input.")
        parser.add_argument("--dry-run", action="store_true", help="Report, and store nothing.")

    def handle(self, *, slug: str, file: Path, dry_run: bool, **options: Any) -> None:
        account = Account.objects.filter(slug=slug).first()
        if account is None:
            raise CommandError("There is no account of this name.")
        now = timezone.now()
        with tqdm(unit=" messages", disable=None) as bar:
            try:
                report = set_imports.from_csv(
                    account, _text_of(file), now=now, dry_run=dry_run, progress=_shown_by(bar)
                )
            except errors.EarwigError as refused:
                raise CommandError(refused.message) from None
        if report.stored:
            audit.record("import message sets", account, account=account, detail=report.figures(), now=now)
        self._tell(report)

    def _tell(self, report: set_imports.Report) -> None:
        for line, column, message in report.problems:
            self.stderr.write(f"line {line}{', ' if column else ''}{column}: {message}")
        for done in report.sets:
            self.stdout.write(f"{done.short_name}: {done.in_words()}")
        self.stdout.write(report.in_words())
        if report.problems:
            sys.exit(1)


def _text_of(file: Path) -> str:
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as unreadable:
        raise CommandError(str(unreadable)) from None


def _shown_by(bar: Any) -> Callable[[int, int | None], None]:
    def show(done: int, total: int | None) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return show
