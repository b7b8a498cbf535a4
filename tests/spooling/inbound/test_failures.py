"""A failure of ours is told to whom the mail's client named: once, and as its NOTIFY allows."""

import dataclasses
from datetime import timedelta

import pytest
from django.db import DataError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from spooling import control, erasure, ledger, limits, suppressions, traces
from spooling.errors import LimitReached
from spooling.inbound import failures, passing
from spooling.models import Attachment, Content, Mail
from spooling.outbox import intake, moves
from spooling.outbox.drafts import Handling, NewContent, NewFile
from stats import cursors, events
from stats.models import Event, EventKind
from tests import costs, drains, event_horizon, outbox_states, smtp_servers, threads
from tests.smtp_scripts import Script, say
from tests.spooling.inbound import returned

pytestmark = pytest.mark.django_db(transaction=True)

OWNER = "owner@client.example"
ANN = "ann@x.example"
CONTENT = NewContent(from_email="shop@sender.example", subject="Your order", text="It left.\n")


class Remote:
    """What a server answers to RCPT of anybody but the owner."""

    reply = "550 5.1.1 no such user here"

    def __call__(self, stage, visit):
        return say(self.reply) if stage == "rcpt" and visit.recipient != OWNER else None


@pytest.fixture
def remote(route_to):
    with smtp_servers.Server(Script(choose=Remote())) as server:
        route_to(server.port)
        yield server


@pytest.fixture
def submit(spool):
    """Call with how the mail is handled, and perhaps what it says, for a mail to Ann."""

    def call(*, content=CONTENT, email=ANN, lane="transactional", **handling):
        handled = dataclasses.replace(content, handling=Handling(**{"envelope_sender": OWNER, **handling}))
        (accepted,) = spool(email, content=handled, lane=lane)
        return Mail.objects.get(pk=accepted.id)

    return call


def tell(now=None):
    event_horizon.wait()
    return failures.tell(now=now or timezone.now())


def refuse(mail, reply="5.1.1 no", code=550, kind=EventKind.FAILED, **more):
    """It ends, as if a server had said so."""
    detail = {"code": code, "reply": reply, "stage": "rcpt"} | more
    end(mail, kind, detail)


def end(mail, kind, detail):
    outbox_states.put(Mail.objects.filter(pk=mail.pk), state=kind.value, ended_at=timezone.now())
    Event.objects.create(
        account_id=mail.account_id,
        spooler_id=mail.spooler_id,
        mail_id=mail.pk,
        destination="x.example",
        provider="other",
        lane=mail.lane,
        kind=kind,
        at=timezone.now(),
        detail=detail,
    )


def reports():
    return Mail.objects.filter(submission__wire=failures.WIRE).order_by("pk")


def delivered_reports(server):
    """Those that arrived at the server of the envelope sender."""
    drains.run("transactional")
    return [each for each in server.accepted if each.recipient == OWNER]


def the_report(server):
    (arrived,) = delivered_reports(server)
    return returned.read(arrived.data)


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


@pytest.mark.parametrize(
    ("handling", "told"),
    [
        ({"notify": ""}, 1),
        ({"notify": "FAILURE"}, 1),
        ({"notify": "SUCCESS,FAILURE"}, 1),
        ({"notify": "NEVER"}, 0),
        ({"notify": "SUCCESS,DELAY"}, 0),
        ({"envelope_sender": ""}, 0),
        ({"envelope_sender": "[erased]"}, 0),
        # Its server's own reports go there by themselves, and there is none of a failure with us.
        ({"track_bounces": False}, 1),
    ],
)
def test_they_are_told_who_want_to_hear_of_it(submit, handling, told):
    refuse(submit(**handling))
    assert tell() == told and reports().count() == told


def test_a_mail_without_handling_is_told_to_nobody(spool):
    (accepted,) = spool(ANN)
    refuse(Mail.objects.get(pk=accepted.id))
    assert tell() == 0


def test_a_report_that_fails_is_told_to_nobody(remote, submit):
    submit()
    drains.run("transactional")
    assert tell() == 1
    remote.script.choose = None
    remote.script.stages = {"rcpt": say("550 5.1.1 no owner either")}
    drains.run("transactional")
    assert reports().get().state == "failed"
    assert tell() == 0 and reports().count() == 1


def test_two_ticks_tell_once(submit):
    refuse(submit())
    event_horizon.wait()
    for _ in range(2):
        control.tick(now=timezone.now())
    assert reports().count() == 1


@pytest.mark.postgresql
def test_ticks_at_the_same_moment_tell_once(submit):
    for _ in range(20):
        refuse(submit())
    event_horizon.wait()
    threads.together(4, lambda _: failures.tell(now=timezone.now()))
    assert reports().count() == 20


def test_a_tick_that_is_killed_between_tells_once(submit, monkeypatch):
    for _ in range(3):
        refuse(submit())
    accept = intake.accept

    def killed(*args, **kwargs):
        accept(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(intake, "accept", killed)
        tell()
    assert reports().count() == 0
    assert tell() == 3
    assert tell() == 0 and reports().count() == 3


@pytest.mark.parametrize("fault", [LimitReached(), DataError("no such text")])
def test_a_report_that_cannot_be_stored_stops_no_other(submit, monkeypatch, fault):
    mails = [submit() for _ in range(3)]
    for mail in mails:
        refuse(mail)
    accept = intake.accept

    def some(submission, sends, *, now):
        accepted = accept(submission, sends, now=now)
        if submission.client_reference == mails[1].public_id.hex:
            raise fault
        return accepted

    monkeypatch.setattr(intake, "accept", some)
    assert tell() == 2
    told = set(reports().values_list("submission__client_reference", flat=True))
    assert told == {mails[0].public_id.hex, mails[2].public_id.hex}
    assert tell() == 0


def test_a_report_that_cannot_be_made_stops_no_other(submit):
    mails = [submit(), submit(envelope_sender="no address"), submit()]
    for mail in mails:
        refuse(mail)
    assert tell() == 2


def test_where_the_accounts_limit_is_reached_nobody_is_told(submit, account):
    refuse(submit())
    account.mails_per_hour = 1
    account.save()
    limits._rooms.clear()
    assert tell() == 0


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


def test_a_mail_that_was_cancelled_is_told_to_nobody(submit):
    mail = submit()
    moves.cancel(mail, now=timezone.now())
    assert tell() == 0


def test_a_mail_that_waits_again_is_not_told(submit):
    mail = submit()
    refuse(mail)
    assert moves.retry(Mail.objects.filter(pk=mail.pk), why="by hand", now=timezone.now()) == 1
    assert tell() == 0
    refuse(mail)
    assert tell() == 1


def test_a_mail_that_fails_again_and_again_is_told_so_often_and_no_more(submit):
    mail = submit()
    for _ in range(passing.MOST_PASSED + 2):
        refuse(mail)
        tell()
    assert reports().count() == passing.MOST_PASSED


def test_a_new_reader_tells_nothing_of_long_ago(submit):
    mail = submit()
    refuse(mail)
    Event.objects.update(at=timezone.now() - timedelta(hours=2))
    assert tell() == 0
    refuse(submit())
    assert tell() == 1


def test_an_erased_mail_is_told_to_nobody(submit):
    mail = submit()
    refuse(mail)
    Mail.objects.update(erased_at=timezone.now(), email="")
    assert tell() == 0


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
    submit(email="gärtner+1@x.example")
    drains.run("transactional")
    tell()
    report = the_report(remote)
    assert report.of_recipient["Final-Recipient"] == r"utf-8; g\x{E4}rtner\x{2B}1@x.example"
    assert report.outcomes[0].recipients == {"gärtner+1@x.example"}
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


def test_bulk_mail_is_told_by_transactional_mail(remote, submit, campaign):
    submit(lane="bulk")
    drains.run("bulk")
    assert tell() == 1
    assert reports().get().lane == "transactional" and the_report(remote)


def test_the_ledger_adds_up_with_reports(remote, submit):
    mail = submit()
    drains.run("transactional")
    tell()
    delivered_reports(remote)
    figures = ledger.of_spooler(mail.spooler_id)
    assert (figures["spooled"], figures["failed"], figures["delivered"]) == (2, 1, 1)


def test_a_report_is_shown_in_the_admin(remote, submit, staff):
    mail = submit()
    refuse(mail)
    tell()
    page = staff.get(f"/admin/spooling/mail/{reports().get().pk}/change/").content.decode()
    assert "Undelivered mail returned" in page and mail.public_id.hex in page


def test_failures_that_nobody_is_told_of_cost_next_to_nothing(spool, campaign):
    spool(*(f"p{n}@x.example" for n in range(400)), lane="bulk", spooler_id=campaign.pk)
    outbox_states.put(state="failed", ended_at=timezone.now())
    Event.objects.filter(kind="spooled").update(kind="failed", detail={"code": 550, "reply": "no"})
    event_horizon.wait()
    with CaptureQueriesContext(connection) as queries:
        assert failures.tell(now=timezone.now()) == 0
    # By pages of 200 events, however many mails.
    assert len(queries) < 40
    assert costs.seconds(lambda: failures.tell(now=timezone.now())) < 0.1


@pytest.mark.postgresql
def test_only_failures_are_read(submit):
    refuse(submit())
    columns = "account_id, spooler_id, mail_id, destination, provider, lane, kind, at, detail"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO stats_event ({columns}, router) SELECT 1, 1, n, 'x.example', 'other', 'bulk', "
            "CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'delivered' END, now(), '{}', '' "
            "FROM generate_series(1, 20000) AS n"
        )
        cursor.execute("ANALYZE stats_event")
    rows = cursors.between(events.undelivered(), cursors.START, cursors.horizon())
    plan = rows.order_by("transaction", "id")[:200].explain()
    assert "event_undelivered" in plan


def test_a_person_who_is_forgotten_is_forgotten_in_reports_too(submit):
    refuse(submit(), reply=f"5.1.1 no <{ANN}>")
    tell()
    report = reports().get()
    traces.erase(traces.CONTENTS, Content.objects.filter(pk=report.content_id), erasure.of_addresses([ANN]))
    raw = bytes(Attachment.objects.get(pk=report.content.raw_id).data)
    assert ANN.encode() not in raw and b"[erased]" in raw
