"""`manage.py import_people`: recipients from a file or from the OCD service."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from earwig import audit, errors, ocd, people_imports
from earwig.models import Account


class Command(BaseCommand):
    help = "Imports people from a CSV or JSON file, or from the OCD service. Exits 1 when a row was refused."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument(
            "file", nargs="?", type=Path, help="CSV, or JSON where the name ends so; - is standard input."
        )
        parser.add_argument("--ocd-url", metavar="URL")
        parser.add_argument("--ocd-key", metavar="KEY", default="")
        parser.add_argument("--since", type=date.fromisoformat, default=date(1970, 1, 1), metavar="DATE")

    def handle(self, *, slug: str, **options: Any) -> None:
        account = Account.objects.filter(slug=slug).first()
        if account is None:
            raise CommandError("There is no account of this name.")
        if (options["file"] is None) == (options["ocd_url"] is None):
            raise CommandError("Give a file or --ocd-url.")
        with tqdm(unit=" people", disable=None) as bar:
            report = self._import(account, options, _shown_by(bar))
        audit.record(
            "import people",
            account,
            account=account,
            detail={"stored": report.stored, "refused": len(report.refused)},
            now=timezone.now(),
        )
        self._tell(report)

    def _import(
        self, account: Account, options: dict[str, Any], progress: people_imports.Progress
    ) -> people_imports.Report:
        try:
            if options["file"] is not None:
                return _read(account, options["file"], progress)
            service, since = ocd.Service(options["ocd_url"], options["ocd_key"]), options["since"].isoformat()
            return people_imports.from_ocd(account, service, since=since, progress=progress)
        except errors.EarwigError as refused:
            raise CommandError(refused.message) from None
        except (OSError, UnicodeDecodeError) as unreadable:
            raise CommandError(str(unreadable)) from None

    def _tell(self, report: people_imports.Report) -> None:
        for name, message in report.refused:
            self.stderr.write(f"{name}: {message}")
        self.stdout.write(f"{report.stored} stored, {len(report.refused)} refused.")
        if report.refused:
            sys.exit(1)


def _shown_by(bar: Any) -> Callable[[int, int | None], None]:
    def show(done: int, total: int | None) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return show


def _read(account: Account, file: Path, progress: people_imports.Progress) -> people_imports.Report:
    if file.suffix == ".json":
        return people_imports.from_json(account, file.read_text(encoding="utf-8-sig"), progress=progress)
    if str(file) == "-":
        return people_imports.from_csv(account, sys.stdin, progress=progress)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return people_imports.from_csv(account, lines, progress=progress)
