"""`manage.py ledger [SPOOLER]`: the ledger, recounted from the mails; exits 1 when it does not add up."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from spooling import ledger
from spooling.models import Spooler


class Command(BaseCommand):
    help = (
        "Shows how many mails stand in which state, one line a spooler, and recounts them from the rows. "
        "Exits 1 when a ledger does not add up or differs from the rows."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("spooler", nargs="?", help="the token of one spooler; all of them when left out")

    def handle(self, *args: Any, **options: Any) -> None:
        spoolers = Spooler.objects.order_by("id").select_related("account")
        if options["spooler"]:
            spoolers = spoolers.filter(token=options["spooler"])
            if not spoolers:
                raise CommandError("No spooler has this token.")
        if not all([self._show(spooler) for spooler in spoolers]):
            raise SystemExit(1)

    def _show(self, spooler: Spooler) -> bool:
        # One snapshot for both counts, so that mail on the move is in each of them or in neither.
        with transaction.atomic():
            ledger.hold_snapshot()
            figures, counted = ledger.of_spooler(spooler.pk), ledger.recount(spooler.pk)
        true = ledger.adds_up(figures) and figures == counted
        words = " ".join(f"{word}={count}" for word, count in figures.items() if count or word == "spooled")
        self.stdout.write(f"{spooler.token} {spooler.account.slug} {words} {'balanced' if true else 'WRONG'}")
        if not true:
            self.stdout.write(
                f"  the rows say: {' '.join(f'{word}={count}' for word, count in counted.items())}"
            )
        return true
