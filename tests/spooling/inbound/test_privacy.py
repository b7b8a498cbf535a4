"""What came in ends with what it speaks of: the mail, the person, its time."""

from datetime import timedelta

import pytest
from django.utils import timezone

from earwig import senders
from spooling import privacy
from spooling.models import DmarcReport, IncomingMail, Mail
from tests.spooling.inbound import messages
from tests.spooling.inbound.conftest import HOST, return_path

pytestmark = pytest.mark.django_db

NOW = timezone.now()
EMAIL = "Joe.Bleu@example.com"


def raws():
    return [bytes(raw) for raw in IncomingMail.objects.order_by("pk").values_list("raw", flat=True)]


@pytest.fixture
def sender(account):
    return senders.vouch(account, email=EMAIL, name="Joe Bleu", ttl_days=10, now=NOW)


def test_it_is_erased_with_its_mail(sent, arrive):
    mail, other = sent(EMAIL), sent("bob@x.example")
    arrive(messages.dsn(messages.failed(EMAIL)), return_path(mail))
    arrive(messages.dsn(messages.failed("bob@x.example")), return_path(other))
    Mail.objects.filter(pk=mail.pk).update(ended_at=NOW - timedelta(days=91))
    Mail.objects.filter(pk=other.pk).update(ended_at=NOW)
    privacy.erase_old_mails(NOW)
    first, second = raws()
    assert first == b"" and b"bob@x.example" in second
    assert IncomingMail.objects.first().mail_id == mail.pk


def test_it_is_erased_with_the_person_it_names(sent, arrive, sender, account):
    arrive(messages.dsn(messages.failed(EMAIL)), return_path(sent(EMAIL)))
    arrive(
        messages.written(EMAIL.lower(), f"abuse@{HOST}", text="Stop.\n"),
        f"abuse@{HOST}",
        sender="x@x.example",
    )
    arrive(messages.written("bob@x.example", f"abuse@{HOST}"), f"abuse@{HOST}", sender="bob@x.example")
    privacy.forget(sender, now=NOW)
    first, second, third = raws()
    assert (first, second) == (b"", b"") and b"bob@x.example" in third


def test_what_names_the_person_to_another_account_stays(sent, arrive, sender, other_account):
    row = arrive(
        messages.dsn(messages.failed("bob@x.example"), original=f"X: {EMAIL}\n\n"),
        return_path(sent("b@x.example")),
    )
    IncomingMail.objects.filter(pk=row.pk).update(account=other_account)
    privacy.forget(sender, now=NOW)
    assert EMAIL.encode() in raws()[0]


def test_it_is_deleted_after_its_time(sent, arrive):
    arrive(messages.dsn(messages.failed()), return_path(sent()), now=NOW - timedelta(days=91))
    arrive(messages.dsn(messages.failed(status="5.7.1")), return_path(sent()), now=NOW - timedelta(days=89))
    privacy.erase_old_mails(NOW)
    assert IncomingMail.objects.count() == 1


def test_a_report_on_dmarc_is_deleted_after_its_time(account):
    said = {"account": account, "domain": "shop.example", "organisation": "receiver"}
    for days in (91, 89):
        at = NOW - timedelta(days=days)
        DmarcReport.objects.create(report_id=str(days), begins_at=at, ends_at=at, received_at=at, **said)
    privacy.erase_old_mails(NOW)
    assert [report.report_id for report in DmarcReport.objects.all()] == ["89"]
