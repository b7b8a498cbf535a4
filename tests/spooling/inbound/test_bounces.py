"""Reports on mails: right mail, right class, once; suppressed as a refusal would have it."""

import base64
from datetime import timedelta

import pytest
from django.utils import timezone

from spooling import inbound, privacy
from spooling.inbound import bounds, classes, dsn, passing
from spooling.models import IncomingMail, Mail, Spooler, Suppression
from spooling.received import read
from tests import made_letters, threads
from tests.spooling.inbound import messages
from tests.spooling.inbound.conftest import HOST, events_of, handle, return_path
from tests.spooling.inbound.messages import failed, told

pytestmark = pytest.mark.django_db


def test_a_failure_marks_its_mail_and_leaves_its_state(sent, arrive):
    mail, other = sent(), sent("bob@x.example")
    row = arrive(messages.dsn(failed()), return_path(mail))
    assert (row.kind, row.account_id, row.mail_id) == ("bounce", mail.account_id, mail.pk)
    mail.refresh_from_db()
    assert (mail.state, mail.bounce_class) == ("delivered", "bad_mailbox") and mail.bounced_at
    (event,) = events_of(mail, "bounce")
    assert event.detail == {"code": 550, "status": "5.1.1", "class": "bad_mailbox"}
    assert (event.counts, event.destination, event.spooler_id) == (1, "x.example", mail.spooler_id)
    (suppressed,) = Suppression.objects.all()
    assert (suppressed.address, suppressed.reason, suppressed.account_id) == (
        "ann@x.example",
        "hard_bounce",
        mail.account_id,
    )
    other.refresh_from_db()
    assert other.bounced_at is None


def test_the_same_report_twice_counts_once(sent, arrive):
    mail = sent()
    for _ in range(2):
        arrive(messages.dsn(failed()), return_path(mail))
    assert len(events_of(mail, "bounce")) == 1 and IncomingMail.objects.count() == 1


def test_a_second_report_counts_nothing_but_may_say_more(sent, arrive):
    mail = sent()
    arrive(messages.dsn(failed(status="4.4.1", text="smtp; 421 later")), return_path(mail))
    assert Mail.objects.get(pk=mail.pk).bounce_class == "soft" and not Suppression.objects.exists()
    arrive(messages.dsn(failed()), return_path(mail))
    assert Mail.objects.get(pk=mail.pk).bounce_class == "bad_mailbox"
    arrive(messages.dsn(failed(status="4.2.2", text="full")), return_path(mail))
    assert Mail.objects.get(pk=mail.pk).bounce_class == "bad_mailbox"
    assert [event.counts for event in events_of(mail, "bounce")] == [1, 0, 0]


@pytest.mark.parametrize(
    ("fields", "expected", "suppresses"),
    [
        (failed(status="5.1.2", text="smtp; 550 bad destination system"), "bad_domain", True),
        (failed(status="5.1.10", text="null MX"), "bad_domain", True),
        (failed(status="5.2.1", text="smtp; 550 disabled"), "hard", False),
        (failed(status="5.2.2", text="smtp; 552 5.2.2 mailbox full"), "full", False),
        (failed(status="4.2.2", text="smtp; 452 mailbox full"), "full", False),
        (failed(status="5.3.4", text="smtp; 552 message too big"), "too_large", False),
        (failed(status="5.7.1", text="smtp; 554 5.7.1 rejected as spam"), "spam", False),
        (failed(status="5.7.26", text="smtp; 550 5.7.26 unauthenticated"), "policy", False),
        (failed(status="5.7.1", text="smtp; 550 5.7.1 message refused by policy"), "policy", False),
        (failed(status="4.4.7", text="smtp; 421 timed out"), "soft", False),
        (failed(status="5.0.0", text="smtp; 550 User unknown in virtual table"), "bad_mailbox", True),
        (failed(status="5.0.0", text="smtp; 550-5.1.1 The account does not exist"), "bad_mailbox", True),
        (failed(status="5.0.0", text="smtp; 554 go away"), "hard", False),
        (failed(status="", text="X-Local; mailbox is full"), "full", False),
        (
            failed(status="5.4.1", text="smtp; 550 5.4.1 Recipient address rejected: Access denied"),
            "bad_mailbox",
            True,
        ),
    ],
)
def test_the_class_says_why(sent, arrive, fields, expected, suppresses):
    mail = sent()
    arrive(messages.dsn({name: value for name, value in fields.items() if value}), return_path(mail))
    assert Mail.objects.get(pk=mail.pk).bounce_class == expected
    assert Suppression.objects.exists() == suppresses


@pytest.mark.parametrize("action", ["delayed", "relayed", "delivered", "expanded"])
def test_what_is_no_failure_is_a_notice(sent, arrive, action):
    mail = sent()
    row = arrive(messages.dsn(told(action, "4.4.1" if action == "delayed" else "2.0.0")), return_path(mail))
    assert (row.kind, row.mail_id) == ("notice", mail.pk)
    assert Mail.objects.get(pk=mail.pk).bounced_at is None and not events_of(mail, "bounce")


def test_of_several_recipients_the_mails_own_decides(sent, arrive):
    mail = sent("Ann@x.example")
    report = messages.dsn(failed("bob@x.example"), told("delivered", "2.0.0"), failed("cid@x.example"))
    arrive(report, return_path(mail))
    assert Mail.objects.get(pk=mail.pk).bounced_at is None
    report = messages.dsn(
        told("delivered", "2.0.0", **{"Final-Recipient": "rfc822; bob@x.example"}), failed()
    )
    arrive(report, return_path(mail))
    assert Mail.objects.get(pk=mail.pk).bounce_class == "bad_mailbox"


def test_an_alias_that_failed_for_all_came_back_and_one_that_reached_somebody_did_not(sent, arrive):
    mail, lucky = sent(), sent("list@x.example")
    arrive(messages.dsn(failed("one@y.example"), failed("two@y.example")), return_path(mail))
    assert Mail.objects.get(pk=mail.pk).bounced_at
    reached = told("delivered", "2.0.0", **{"Final-Recipient": "rfc822; one@y.example"})
    arrive(messages.dsn(failed("two@y.example"), reached), return_path(lucky))
    assert Mail.objects.get(pk=lucky.pk).bounced_at is None


@pytest.mark.parametrize("encoding", ["8bit", "base64", "quoted-printable"])
def test_an_internationalised_report_is_read(sent, arrive, encoding):
    mail = sent("jürgen@x.example")
    status = "Reporting-MTA: dns; x\n\nFinal-Recipient: utf-8; j\\x{FC}rgen@x.example\nAction: failed\nStatus: 5.1.1\n"
    report = messages.dsn(type_="global-delivery-status", returned="global", encoding=encoding)
    head, _, rest = report.partition("Reporting-MTA")
    tail = rest[rest.index("--=b\n") :]
    body = status if encoding != "base64" else base64.encodebytes(status.encode()).decode()
    body = body if encoding != "quoted-printable" else body.replace("=", "=3D")
    arrive(head + body + "\n" + tail, return_path(mail))
    assert Mail.objects.get(pk=mail.pk).bounce_class == "bad_mailbox"
    (outcome,) = dsn.outcomes(read(bounds.tame((head + body + "\n" + tail).encode())))
    assert outcome.recipients == {"jürgen@x.example"}


def test_a_report_elsewhere_finds_its_mail_by_what_it_returns(sent, arrive, account):
    mail = sent()
    original = messages.ORIGINAL.format(id=mail.public_id.hex)
    row = arrive(messages.dsn(failed(), original=original), f"postmaster@{HOST}")
    assert row.mail_id == mail.pk and Mail.objects.get(pk=mail.pk).bounced_at
    row = arrive(messages.dsn(failed("bob@x.example")), f"abuse@{HOST}")
    assert (row.kind, row.mail_id, row.account_id) == ("bounce", None, None)


def test_only_addresses_of_ours_are_known(sent, account, settings):
    mail = sent()
    domain = account.domains.create(name="shop.example", return_path_host="bounces.shop.example")
    path = return_path(mail)
    local = path.partition("@")[0]
    for known in (path, path.upper(), f"{local}@{domain.return_path_host}", f"abuse@{HOST}", f"DMARC@{HOST}"):
        assert inbound.known(known), known
    for unknown in (
        f"{local}@shop.example", f"b-{'0' * 32}@{HOST}", f"b-{'g' * 32}@{HOST}", f"ann@{HOST}", f"@{HOST}",
        "", "a", "b-\0@x", f"{'a' * 400}@{HOST}", f"unsubscribe+{'0' * 42}@{HOST}", "abuse@", "\udc80@\udc80",
    ):  # fmt: skip
        assert not inbound.known(unknown), unknown


def test_mail_to_nobody_is_dropped(arrive):
    assert arrive("Subject: x\n\nHi", f"nobody@{HOST}") is None


def test_a_draft_tells_no_events(sent, arrive, account):
    mail = sent()
    Spooler.objects.filter(pk=mail.spooler_id).update(type="draft")
    arrive(messages.dsn(failed()), return_path(mail))
    assert Mail.objects.get(pk=mail.pk).bounced_at
    assert not events_of(mail, "bounce") and not events_of(mail, "suppressed")


def test_an_erased_mail_bounces_without_its_address(sent, arrive):
    mail = sent()
    Mail.objects.filter(pk=mail.pk).update(ended_at=timezone.now() - timedelta(days=1000))
    privacy.erase_old_mails(timezone.now())
    arrive(messages.dsn(failed()), return_path(mail))
    (suppressed,) = Suppression.objects.all()
    assert suppressed.address == "" and suppressed.address_hash


PASSED = {"envelope_sender": "owner@client.example"}


def mails_to(address):
    return list(Mail.objects.filter(email=address).order_by("pk"))


@pytest.mark.parametrize(
    ("notify", "action", "passes"),
    [
        ("", "failed", True),
        ("", "delayed", True),
        ("", "delivered", False),
        ("NEVER", "failed", False),
        ("SUCCESS", "failed", False),
        ("SUCCESS,FAILURE", "delivered", True),
    ],
)
def test_a_report_is_passed_on_as_its_client_asked(sent, arrive, notify, action, passes):
    mail = sent()
    handle(mail, **PASSED, notify=notify)
    report = messages.dsn(told(action, "5.0.0"))
    arrive(report, return_path(mail))
    assert len(mails_to("owner@client.example")) == passes


def test_a_report_is_passed_on_with_a_null_return_path(sent, arrive):
    mail = sent()
    handle(mail, **PASSED)
    arrive(messages.dsn(failed()), return_path(mail))
    (passed,) = mails_to("owner@client.example")
    letter = made_letters.of(passed.pk)
    assert letter.sender == "" and b"Content-Type: message/delivery-status" in letter.data
    arrive(messages.dsn(failed("owner@client.example")), return_path(passed))
    assert Mail.objects.count() == 2


def test_a_report_that_is_no_mail_is_passed_on_as_a_file(sent, arrive):
    mail = sent()
    handle(mail, **PASSED)
    arrive(messages.dsn(failed()).replace("From: MAILER", "X: MAILER"), return_path(mail))
    assert len(mails_to("owner@client.example")) == 1


def test_a_client_that_follows_bounces_itself_is_not_told(sent, arrive):
    mail = sent()
    handle(mail, **PASSED, track_bounces=False)
    arrive(messages.dsn(failed()), return_path(mail))
    assert len(mails_to("owner@client.example")) == 0


PROSE = (
    ("Hi. This is the qmail-send program at x.example.\nI'm afraid I wasn't able to deliver your message to the "
     "following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<ann@x.example>:\n"
     "Sorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\n"
     "Subject: mailbox full\n", "bad_mailbox"),
    ("This message was created automatically by mail delivery software.\n\nA message that you sent could not be "
     "delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n"
     "  ann@x.example\n    SMTP error from remote mail server after RCPT TO:<ann@x.example>:\n"
     "    host mx.x.example [192.0.2.1]: 552 5.2.2 over quota\n", "full"),
    ("Ihre Nachricht ist unzustellbar.\n\n550 unknown user\n", "bad_mailbox"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), PROSE)
def test_a_report_for_people_is_read(sent, arrive, text, expected):
    mail = sent()
    raw = messages.written("MAILER-DAEMON@x.example", return_path(mail), subject="failure notice", text=text)
    assert arrive(raw, return_path(mail)).kind == "bounce"
    assert Mail.objects.get(pk=mail.pk).bounce_class == expected


def test_a_warning_for_people_is_a_notice(sent, arrive):
    mail = sent()
    text = (
        "This message was created automatically by mail delivery software.\nA message that you sent has not yet been "
        "delivered to one or more of its\nrecipients after more than 24 hours.\n\nThe address to which the message has "
        "not yet been delivered is:\n\n  ann@x.example\n\nNo action is required on your part.\n"
    )
    raw = messages.written(
        "Mailer-Daemon@x.example", return_path(mail), subject="Warning: delayed", text=text
    )
    assert arrive(raw, return_path(mail)).kind == "notice"
    assert Mail.objects.get(pk=mail.pk).bounced_at is None


def test_every_class_fits_its_column():
    longest = Mail._meta.get_field("bounce_class").max_length
    assert all(len(word) <= longest for word in classes.BounceClass)


@pytest.mark.parametrize(
    "raw", [b"\0", b"From: a\nFrom: b\n\nx", b"\xff" * 2000, b"From: MAILER-DAEMON@x\n\n" + b"x" * 9999]
)
def test_a_report_of_any_form_is_passed_on(raw, sent):
    mail = sent()
    handle(mail, **PASSED)
    passing.pass_on(mail, dsn.Action.FAILED, raw, now=timezone.now())
    assert len(mails_to("owner@client.example")) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_a_report_that_comes_many_times_at_once_counts_once(sent):
    mail = sent()
    report, path = messages.dsn(failed()).encode(), return_path(mail)
    threads.together(4, lambda _: inbound.take(sender="", recipient=path, raw=report, now=timezone.now()))
    threads.together(
        4, lambda n: inbound.take(sender="", recipient=path, raw=report + b"%d" % n, now=timezone.now())
    )
    assert sorted(event.counts for event in events_of(mail, "bounce")) == [0, 0, 0, 0, 1]
    assert IncomingMail.objects.count() == 5 and Suppression.objects.count() == 1
