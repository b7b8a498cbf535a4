"""`manage.py demo`: real sends against a running `up`, and what became of them."""

from __future__ import annotations

import smtplib
import urllib.error
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from config import demo_account, demonstration
from earwig import domains, people
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
        _own_domain(account)
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
        campaign = client.send_octosend(demo_account.DOMAIN)
        self.stdout.write(f"Octosend campaign {campaign} launched")
        client.send_smtpeter(demo_account.DOMAIN)
        self.stdout.write("SMTPeter a call for two accepted")
        self.stdout.write(
            f"Relay    message {client.send_relay(demo_account.SLUG, demo_account.DOMAIN)} accepted"
        )
        mails += self.send_smtp(client)
        return demonstration.wait_for(
            lambda: all(client.mail_has_ended(mail) for mail in mails)
            and client.message_has_ended(message)
            and client.campaign_has_ended(campaign)
            and client.subscription_has_ended(subscription)
        )

    def send_smtp(self, client: demonstration.Client) -> list[str]:
        """The ids of mails sent by SMTP; none where `up` found no port free for it."""
        port = next(iter(settings.SUBMISSION_PORTS), 0)
        try:
            mails = client.send_smtp(port)
        except ConnectionRefusedError:
            self.stdout.write(f"SMTP     nobody listens on port {port}")
            return []
        except smtplib.SMTPAuthenticationError:
            self.stdout.write(f"SMTP     another installation has port {port}")
            return []
        except smtplib.SMTPException as fault:
            raise CommandError(f"The SMTP server does not take it: {fault}") from fault
        self.stdout.write(f"SMTP     {len(mails)} mails accepted")
        return mails

    def show(self, account: Account) -> None:
        figures = ledger.of_account(account.pk)
        self.stdout.write("\nLedger   " + ", ".join(f"{word} {count}" for word, count in figures.items()))
        self.stdout.write(f"         {'adds up' if ledger.adds_up(figures) else 'DOES NOT ADD UP'}\n")
        self.stdout.write(f"\nTrap on {settings.TRAP_HOST}:{settings.TRAP_PORT}, newest first")
        for mail in TrappedMail.objects.defer("raw").order_by("-id")[:SHOWN_MAILS]:
            self.stdout.write(f"  {mail.received_at:%H:%M:%S}  {mail.envelope_recipient:40}  {mail.subject}")


def _own_domain(account: Account) -> None:
    """Give the account a sending domain that is taken for its own: one of the wires sends from no other."""
    now = timezone.now()
    domain = domains.find(account.pk, demo_account.DOMAIN)
    if domain is None:
        domain = domains.add_signed(account, name=demo_account.DOMAIN, now=now)
    if domain.verified_at is None:
        domains.verify(domain, now=now)
