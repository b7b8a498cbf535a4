"""What a report of ours says, as those read it who get it."""

import dataclasses
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from spooling import control, erasure, suppressions, traces
from spooling.inbound import failures
from spooling.models import Attachment, Content, Mail
from spooling.outbox.drafts import NewFile
from tests import drains, event_horizon, outbox_states, smtp_servers
from tests.smtp_scripts import say
from tests.spooling.inbound import returned
from tests.spooling.inbound.failing import (
    ANN,
    CONTENT,
    OWNER,
    delivered_reports,
    refuse,
    reports,
    tell,
    the_report,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_refusal_is_told_to_the_envelope_sender(remote, submit, settings):
    settings.INBOUND_HOST = "in.earwig.example"
    mail = submit(envid="order-7")
    drains.run("transactional")
    assert tell() == 1
    (arrived,) = delivered_reports(remote)
    report = returned.read(arrived.data)
    assert arrived.sender == "" and arrived.recipient == OWNER
    assert report.message["From"] == "Mail Delivery System <postmaster@in.earwig.example>"
    assert report.message["To"] == OWNER and report.message["Auto-Submitted"] == "auto-replied"
    assert report.message["Date"] and report.message["Message-ID"]
    message_id = f"<{mail.public_id.hex}@sender.example>"
    assert (report.message["In-Reply-To"], report.message["References"]) == (message_id, message_id)
    assert report.of_message["Reporting-MTA"] == "dns; in.earwig.example"
    assert report.of_message["Original-Envelope-Id"] == "order-7"
    assert report.of_message["Arrival-Date"]
    assert report.of_recipient["Final-Recipient"] == f"rfc822; {ANN}"
    assert report.of_recipient["Original-Recipient"] == f"rfc822; {ANN}"
    assert (report.of_recipient["Action"], report.of_recipient["Status"]) == ("failed", "5.1.1")
    assert report.of_recipient["Remote-MTA"] == "dns; 127.0.0.1"
    assert report.of_recipient["Diagnostic-Code"] == "smtp; 550 5.1.1 no such user here"
    assert ANN in report.text and "550 5.1.1 no such user here" in report.text
    assert report.returned_type == "text/rfc822-headers"
    assert report.returned["Subject"] == "Your order" and report.returned["Message-ID"] == message_id
    assert "It left." not in arrived.data.decode()


def test_readers_of_reports_find_the_address_and_the_reason(remote, submit):
    submit()
    drains.run("transactional")
    tell()
    report = the_report(remote)
    assert report.flufl == (set(), {ANN.encode()})
    (outcome,) = report.outcomes
    assert outcome.action.value == "failed" and outcome.recipients == {ANN}
    assert (outcome.status, outcome.code) == ("5.1.1", 550) and "no such user here" in outcome.text


def test_the_whole_mail_is_returned_where_its_client_asks_for_it(remote, submit):
    submit(ret="FULL")
    drains.run("transactional")
    tell()
    report = the_report(remote)
    assert report.returned_type == "message/rfc822"
    assert report.returned["Subject"] == "Your order" and report.returned.get_payload().strip() == "It left."


def test_of_a_large_mail_the_header_is_returned(remote, submit):
    file = NewFile(name="a.bin", type="application/octet-stream", data=b"x" * failures.MOST_RETURNED)
    submit(content=dataclasses.replace(CONTENT, files=(file,)), ret="FULL")
    drains.run("transactional")
    tell()
    assert the_report(remote).returned_type == "text/rfc822-headers"


def test_a_mail_that_is_suppressed_is_told(remote, submit, account):
    scope = suppressions.Scope(account_id=account.pk)
    suppressions.suppress(scope, ANN, reason="manual", source="admin", now=timezone.now())
    submit()
    drains.run("transactional")
    tell()
    report = the_report(remote)
    assert report.of_recipient["Status"] == "5.7.1" and report.of_recipient["Action"] == "failed"
    assert "Remote-MTA" not in report.of_recipient and "suppressed" in report.text


def test_a_mail_that_cannot_be_made_is_told_with_what_is_known(remote, submit):
    submit(content=dataclasses.replace(CONTENT, text="{{#if", subject="Böse"))
    drains.run("transactional")
    tell()
    report = the_report(remote)
    assert report.of_recipient["Status"] == "5.6.0"
    assert report.of_recipient["Diagnostic-Code"].startswith("x-earwig; ")
    assert report.returned_type == "text/rfc822-headers" and report.returned["To"] == ANN
    assert "B" in report.returned["Subject"] and report.message["In-Reply-To"] is None


def test_a_mail_whose_time_passed_is_told(remote, submit):
    mail = submit()
    outbox_states.put(not_after=timezone.now() - timedelta(minutes=1))
    event_horizon.wait()
    control.tick(now=timezone.now())
    assert Mail.objects.get(pk=mail.pk).state == "expired"
    tell()
    assert the_report(remote).of_recipient["Status"] == "4.4.7"


def test_a_mail_that_is_given_up_is_told_with_the_last_answer(remote, submit):
    remote.script.choose.reply = "452 4.2.2 mailbox full"
    mail = submit()
    Mail.objects.filter(pk=mail.pk).update(give_up_at=timezone.now() - timedelta(minutes=1))
    drains.run("transactional")
    assert Mail.objects.get(pk=mail.pk).state == "failed"
    tell()
    report = the_report(remote)
    assert report.of_recipient["Status"] == "4.2.2" and report.of_recipient["Action"] == "failed"


def test_a_mail_held_after_a_doubt_is_told_as_one_that_may_have_arrived(remote, submit):
    mail = submit()
    outbox_states.put(state="in_doubt", give_up_at=timezone.now() - timedelta(minutes=1))
    event_horizon.wait()
    control.tick(now=timezone.now())
    assert Mail.objects.get(pk=mail.pk).state == "quarantined"
    tell()
    report = the_report(remote)
    assert report.of_recipient["Status"] == "4.4.2" and "may have arrived" in report.text


@pytest.mark.parametrize(
    "reply",
    [
        "5.1.1 no\r\n\r\nAction: delivered\r\nStatus: 2.0.0\r\n",
        "5.1.1 \x00\x1b[31m\x85\u2028\u202eüñ\U0001f4a9 no",
        "5.1.1 " + "x" * 100_000,
        "5.1.1 " + "y " * 50_000,
        "=?utf-8?q?5.1.1?= --=_0 <a@b> ; smtp; (((",
        "",
        "9.9.9 250 ok",
    ],
)
def test_whatever_a_server_says_stands_on_one_line(submit, reply):
    mail = submit(orcpt="a;b (c)@x.example", envid="x" * 100)
    refuse(mail, reply=reply.replace("\0", "\x01") if connection.vendor == "postgresql" else reply)
    assert tell() == 1
    raw = bytes(Attachment.objects.get(pk=reports().get().content.raw_id).data)
    assert max(map(len, raw.split(b"\r\n"))) <= 998 and len(raw) < 8_000
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r") and raw.isascii()
    report = returned.read(raw)
    assert len(report.blocks) == 2 and report.of_recipient.get_all("Action") == ["failed"]
    assert report.of_recipient["Status"].startswith("5.")
    (outcome,) = report.outcomes
    assert outcome.action.value == "failed" and ANN in outcome.recipients


def test_an_address_in_other_letters_is_told_in_its_own_type(remote, submit):
    remote.script.stages = {"rcpt": [say("550 5.1.1 no")]}
    submit(email="gärtner+1@x.example", orcpt="böse@x.example")
    drains.run("transactional")
    tell()
    report = the_report(remote)
    assert report.of_recipient["Final-Recipient"] == r"utf-8; g\x{E4}rtner\x{2B}1@x.example"
    assert report.of_recipient["Original-Recipient"] == r"utf-8; b\x{F6}se@x.example"
    assert report.outcomes[0].recipients == {"gärtner+1@x.example", "böse@x.example"}
    assert "gärtner+1@x.example" in report.text


def test_an_envelope_sender_in_other_letters_is_told(submit, route_to):
    with smtp_servers.Server() as server:
        route_to(server.port)
        refuse(submit(envelope_sender="bücher@client.example"))
        assert tell() == 1
        drains.run("transactional")
        (arrived,) = [each for each in server.accepted if each.recipient.startswith("b")]
    assert "SMTPUTF8" in arrived.mail_parameters and "bücher@client.example" in arrived.data.decode()


def test_the_message_id_of_a_client_is_referred_to(remote, submit):
    raw = (
        b"From: shop@sender.example\r\nTo: ann@x.example\r\nSubject: Hi\r\nMessage-ID: <own@client.example>\r\n"
        b"MIME-Version: 1.0\r\n\r\nHello\r\n"
    )
    submit(content=dataclasses.replace(CONTENT, raw=raw, template_language="plain"))
    drains.run("transactional")
    tell()
    report = the_report(remote)
    assert report.message["In-Reply-To"] == "<own@client.example>"
    assert report.returned["Message-ID"] == "<own@client.example>"


def test_a_person_who_is_forgotten_is_forgotten_in_reports_too(submit):
    refuse(submit(), reply=f"5.1.1 no <{ANN}>")
    tell()
    report = reports().get()
    traces.erase(traces.CONTENTS, Content.objects.filter(pk=report.content_id), erasure.of_addresses([ANN]))
    raw = bytes(Attachment.objects.get(pk=report.content.raw_id).data)
    assert ANN.encode() not in raw and b"[erased]" in raw


def test_an_installation_without_a_name_reports_too(remote, submit, settings):
    settings.INBOUND_HOST = "localhost"
    submit()
    drains.run("transactional")
    tell()
    assert the_report(remote).message["From"] == "Mail Delivery System <postmaster@localhost>"
