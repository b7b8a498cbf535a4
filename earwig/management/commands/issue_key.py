"""`manage.py issue_key`: a key, shown once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from earwig import api_keys, audit, errors, key_restrictions
from earwig.models import Account
from earwig.models.api_keys import Scope, SendAnswer


class Command(BaseCommand):
    help = "Issues a key and prints it, alone. It cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--name", default="")
        parser.add_argument(
            "--scope",
            action="append",
            dest="scopes",
            choices=Scope.values,
            help="As often as needed; without it the key may send and read.",
        )
        parser.add_argument("--user", metavar="EMAIL", help="A user of the account whom the key acts for.")

        parser.add_argument(
            "--send-answer",
            choices=SendAnswer.values,
            default=SendAnswer.ONE,
            help="What SMTPeter's send answers: the number 1, or each message's id with its recipient.",
        )

    def handle(
        self, *, slug: str, name: str, scopes: list[str] | None, user: str | None, **options: Any
    ) -> None:
        now = timezone.now()
        account = Account.objects.filter(slug=slug).first()
        if account is None:
            raise CommandError("There is no account of this name.")
        try:
            issued = api_keys.issue(
                account,
                name=name,
                scopes=scopes or [Scope.SEND, Scope.READ],
                now=now,
                user=self._user_of(account, user) if user else None,
                wire_settings=key_restrictions.smtpeter_settings(options["send_answer"]),
            )
        except errors.EarwigError as refused:
            raise CommandError(refused.message) from None
        audit.record("issue key", issued.key, account=account, now=now)
        self.stdout.write(issued.secret)

    def _user_of(self, account: Account, email: str) -> Any:
        user = get_user_model().objects.filter(username=email, memberships__account=account).first()
        if user is None:
            raise CommandError("The account has no user of this name.")
        return user
