"""Unsubscribing by mail: the address that bulk mail names does what its link does."""

import re
from datetime import timedelta

import dkim
import pytest
from django.utils import timezone

from earwig import domains
from spooling import inbound, privacy
from spooling.models import IncomingMail, Mail, Suppression
from tests import made_letters
from tests.spooling.inbound import messages
from tests.spooling.inbound.conftest import HOST, events_of

pytestmark = pytest.mark.django_db

_ADDRESS = re.compile(rb"\r\nList-Unsubscribe: <https?://[^>]+>,\r\n <mailto:([^>]+)>\r\n")


@pytest.fixture(autouse=True)
def _by_mail(settings):
    settings.UNSUBSCRIBE_BY_MAIL = True


def letter_of(mail):
    return made_letters.of(mail.pk).data


def address_of(mail):
    return _ADDRESS.search(letter_of(mail))[1].decode()


def test_a_mail_to_the_address_of_a_mail_unsubscribes_its_recipient(sent, arrive, campaign):
    mail, other = sent(lane="bulk", spooler_id=campaign.pk), sent("bob@x.example", lane="bulk")
    address = address_of(mail)
    assert address.endswith(f"@{HOST}") and inbound.known(address) and len(address.partition("@")[0]) <= 64
    row = arrive(messages.written("ann.private@y.example", address, subject="", text=""), address.upper())
    assert (row.kind, row.mail_id, row.account_id) == ("unsubscribe", mail.pk, mail.account_id)
    mail.refresh_from_db()
    other.refresh_from_db()
    assert mail.unsubscribed_at and not other.unsubscribed_at
    assert [event.counts for event in events_of(mail, "unsubscribe")] == [1]
    (suppressed,) = Suppression.objects.all()
    assert (suppressed.address, suppressed.reason, suppressed.stream, suppressed.source) == (
        "ann@x.example",
        "unsubscribe",
        "bulk",
        "mail",
    )


def test_a_forged_address_is_unknown(sent, arrive, campaign):
    address = address_of(sent(lane="bulk"))
    last = address.partition("@")[0][-1]
    forged = address.replace(f"{last}@", f"{'0' if last != '0' else '1'}@")
    assert inbound.known(address) and not inbound.known(forged)
    assert arrive("Subject: x\n\n", forged) is None and not Suppression.objects.exists()


def test_a_bounce_to_the_address_unsubscribes_nobody(sent, arrive):
    mail = sent(lane="bulk")
    assert arrive(messages.dsn(messages.failed(status="5.7.1")), address_of(mail)).kind == "bounce"
    assert not Mail.objects.get(pk=mail.pk).unsubscribed_at


def test_transactional_mail_names_no_address_nor_does_one_without_incoming_mail(sent, settings):
    assert b"List-Unsubscribe" not in letter_of(sent())
    settings.UNSUBSCRIBE_BY_MAIL = False
    assert b"mailto:" not in letter_of(sent(lane="bulk"))


def test_the_address_is_part_of_what_is_signed(sent, account):
    domain = domains.add_signed(account, name="sender.example", now=timezone.now())
    mail = sent(lane="bulk", domain_id=domain.pk)
    key = domain.dkim_keys.get()
    assert dkim.verify(letter_of(mail), dnsfunc=lambda *_, **__: key.public_record.encode())
    assert address_of(mail)


def test_who_unsubscribed_is_kept_no_longer_than_the_mail(sent, arrive):
    mail = sent(lane="bulk")
    arrive(messages.written("ann@x.example", address_of(mail)), address_of(mail))
    assert IncomingMail.objects.exclude(raw=b"").exists()
    privacy.erase_old_mails(timezone.now() + timedelta(days=91))
    assert not IncomingMail.objects.exists()
