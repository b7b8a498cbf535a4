"""`manage.py demo`: real sends against a running `up`, and what became of them."""

from __future__ import annotations

import urllib.error
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from config import demo_account, demonstration
from earwig import people
from earwig.models import Account
from spooling import ledger
from spooling.models import TrappedMail

PERSON = people.PersonRecord(
    external_id="demo-person",
    name="Robin Representative",
    contacts=(people.ContactRecord(type="email", value="representative@example.net"),),
)
SHOWN_MAILS = 10


class Command(BaseCommand):
    help = "Sends mail over each wire of a running installation, waits, and prints the ledger and the trap's inbox."

    def handle(self, **options: Any) -> None:
        demo = demo_account.kept()
        if demo is None:
            raise CommandError("No demo account: start `manage.py up` first.")
        account = Account.objects.get(slug=demo_account.SLUG)
        people.upsert(account, record=PERSON)
        try:
            ended = self.send(demonstration.Client(demo))
        except urllib.error.URLError as fault:
            raise CommandError(f"{demo.url} does not take it: {fault}") from fault
        self.show(account)
        if not ended:
            raise CommandError(f"Not everything ended within {demonstration.WAIT_SECONDS:g} s.")

    def send(self, client: demonstration.Client) -> bool:
        mails = client.send_native()
        self.stdout.write(f"native   {len(mails)} mails accepted")
        message = client.send_handoff(PERSON.external_id)
        self.stdout.write(f"handoff  message {message} accepted")
        subscription = client.send_stage(PERSON.external_id)
        self.stdout.write(f"Seed     subscription {subscription} accepted")
        return demonstration.wait_for(
            lambda: all(client.mail_has_ended(mail) for mail in mails)
            and client.message_has_ended(message)
            and client.subscription_has_ended(subscription)
        )

    def show(self, account: Account) -> None:
        figures = ledger.of_account(account.pk)
        self.stdout.write("\nLedger   " + ", ".join(f"{word} {count}" for word, count in figures.items()))
        self.stdout.write(f"         {'adds up' if ledger.adds_up(figures) else 'DOES NOT ADD UP'}\n")
        self.stdout.write(f"\nTrap on {settings.TRAP_HOST}:{settings.TRAP_PORT}, newest first")
        for mail in TrappedMail.objects.defer("raw").order_by("-id")[:SHOWN_MAILS]:
            self.stdout.write(f"  {mail.received_at:%H:%M:%S}  {mail.envelope_recipient:40}  {mail.subject}")
