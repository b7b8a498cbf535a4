"""`manage.py add_domain`: a sending domain, its signing keys, and what to publish."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from earwig import audit, dns_records, domain_settings, domains, errors
from earwig.models import Account, Domain
from earwig.models.domains import Algorithm


class Command(BaseCommand):
    help = "Adds a sending domain with an RSA-2048 key and prints the DNS records to publish."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("name")
        parser.add_argument("--ed25519", action="store_true", help="Sign with Ed25519 beside RSA.")

    def handle(self, *, slug: str, name: str, ed25519: bool, **options: Any) -> None:
        account = Account.objects.filter(slug=slug).first()
        if account is None:
            raise CommandError("There is no account of this name.")
        try:
            domain = self._add(account, name, ed25519)
        except errors.EarwigError as refused:
            raise CommandError(refused.message) from None
        for record in dns_records.of(domain):
            self.stdout.write(record.zone_line())

    @transaction.atomic
    def _add(self, account: Account, name: str, ed25519: bool) -> Domain:
        now = timezone.now()
        domain = domains.add_signed(account, name=name, now=now)
        if ed25519:
            domain_settings.make_next_key(domain, algorithm=Algorithm.ED25519, now=now)
        audit.record("add domain", domain, account=account, now=now)
        return domain
