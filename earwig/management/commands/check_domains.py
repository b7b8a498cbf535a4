"""`manage.py check_domains`: looks at what sending domains publish, and says what is not in order."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from earwig import dns_checks
from earwig.dns_looks import State
from earwig.models import Domain


class Command(BaseCommand):
    help = "Looks up the DNS records of sending domains. Exits 1 when one is not in order."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="name", help="Without names: all that are in use.")

    def handle(self, *, names: list[str], **options: Any) -> None:
        live = Domain.objects.filter(removed_at=None, disabled=False).select_related("account")
        wanted = live.filter(name__in=names) if names else live
        found = list(wanted.order_by("account__slug", "name"))
        if unknown := set(names) - {domain.name for domain in found}:
            raise CommandError(f"No account sends from {', '.join(sorted(unknown))}.")
        if not all([self._check(domain) for domain in found]):
            raise SystemExit(1)

    def _check(self, domain: Domain) -> bool:
        findings = dns_checks.check(domain, now=timezone.now())
        fine = dns_checks.is_fine(findings)
        self.stdout.write(f"{domain.account.slug} {domain.name}: {'in order' if fine else 'problems'}")
        for finding in findings.values():
            if finding.needed and finding.state != State.OK:
                self.stdout.write(f"  {finding.state} {finding.name}: {finding.sentence}")
        return fine
