"""Reports and answers that strangers forge: nothing of ours is lent to them, and they end."""

import gzip

import pytest

from spooling.inbound import dmarc, passing
from spooling.inbound.fields import Fields
from spooling.models import IncomingMail, Mail
from spooling.received import File, Received
from tests import costs
from tests.spooling.inbound import messages, test_dmarc
from tests.spooling.inbound.conftest import handle, return_path
from tests.spooling.inbound.messages import failed

pytestmark = pytest.mark.django_db

OWNER = "owner@client.example"


def passed_on():
    return Mail.objects.filter(email=OWNER)


def test_a_report_that_is_passed_on_is_not_signed_by_the_clients_domain(sent, arrive, account):
    # Whoever got the mail knows its return path, and may write in the client's own name.
    domain = account.domains.create(name="sender.example")
    mail = sent()
    Mail.objects.filter(pk=mail.pk).update(domain=domain)
    handle(mail, envelope_sender=OWNER)
    forged = messages.dsn(failed()).replace("MAILER-DAEMON@mx.x.example", "boss@sender.example")
    arrive(forged, return_path(mail))
    assert passed_on().get().domain_id is None


def test_a_report_that_is_no_mail_is_wrapped_in_the_installations_own_name(sent, arrive, settings):
    mail = sent()
    handle(mail, envelope_sender=OWNER)
    arrive(messages.dsn(failed()).replace("From: MAILER", "X: MAILER"), return_path(mail))
    assert passed_on().get().content.from_email == f"postmaster@{settings.INBOUND_HOST}"


def test_so_many_reports_on_a_mail_are_passed_on_and_no_more(sent, arrive):
    mail = sent()
    handle(mail, envelope_sender=OWNER)
    for number in range(passing.MOST_PASSED + 3):
        arrive(messages.dsn(failed(text=f"smtp; 550 5.1.1 no {number}")), return_path(mail))
    assert IncomingMail.objects.filter(mail_id=mail.pk).count() == passing.MOST_PASSED + 3
    assert passed_on().count() == passing.MOST_PASSED


def test_many_packed_files_are_not_all_unpacked():
    packed = gzip.compress(b"<feedback>" + b"<a/>" * (dmarc.MOST_ELEMENTS - 2) + b"</feedback>")
    files = tuple(File(name="r.xml.gz", type="application/gzip", data=packed) for _ in range(190))
    received = Received(headers=(), text="", html="", files=files)

    def act():
        assert dmarc.report_in(received) is None

    # Two take a second, and all of them minutes.
    assert costs.seconds(act, enough=20) < 30


def test_comments_in_comments_name_no_author(sent, arrive):
    assert Fields(b"From: a@x.example " + b"(" * 3_500 + b"\n\nHello\n").author() == ""
    mail = sent()
    assert arrive(b"From: a@x.example " + b"(" * 3_500 + b"\n\nHello\n", return_path(mail)).mail_id == mail.pk


def test_a_report_that_was_packed_tightly_is_counted_and_not_kept():
    rows = (test_dmarc.row(2, "pass", "fail"),) * 5_000
    found = dmarc.read(test_dmarc.report(rows=rows))
    assert found is not None and (found.messages, found.xml) == (10_000, "")
