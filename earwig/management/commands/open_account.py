"""`manage.py open_account`: an account and its first user."""

from __future__ import annotations

import getpass
import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from earwig import accounts, audit, errors


class Command(BaseCommand):
    help = "Opens an account and, with --user, its first user, who may mint keys for it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="Lower-case letters, digits and hyphens, a letter first.")
        parser.add_argument("--name", default="")
        parser.add_argument("--user", default="", metavar="EMAIL")
        parser.add_argument(
            "--password-env",
            metavar="VARIABLE",
            help="The environment variable that holds the password; asked for without it.",
        )

    def handle(self, *, slug: str, name: str, user: str, password_env: str | None, **options: Any) -> None:
        password = self._password(password_env) if user else ""
        now = timezone.now()
        try:
            account = accounts.open_account(slug, name=name, email=user, password=password, now=now)
        except errors.EarwigError as refused:
            raise CommandError(refused.message) from None
        audit.record("open account", account, account=account, now=now)
        self.stdout.write(f"Account {account.slug} has the id {account.pk}.")

    def _password(self, variable: str | None) -> str:
        password = os.environ.get(variable, "") if variable else getpass.getpass("Password: ")
        if not password:
            raise CommandError(f"{variable} is empty." if variable else "A user has a password.")
        return password
