"""Scenario 24 of the handoff contract (§9, §15): replies, both ways, with a real SMTP server; and who gets none."""

import email
import email.policy
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from earwig.models import Account, ContactDetail, Reply, Sender
from spooling import attempts, errors, inbound, limits, privacy, routers
from spooling.models import IncomingMail, Mail, Router, Suppression
from stats.models import Event
from tests import drains, smtp_servers
from tests.spooling.inbound import messages
from tests.wires.handoff.clients import attempts_of, rows_of

pytestmark = pytest.mark.django_db(transaction=True)

HOST = "in.earwig.example"
SENDER, RECIPIENT = "whomever@example.com", "one@people.example"


@pytest.fixture(autouse=True)
def _host(settings):
    settings.INBOUND_HOST = HOST
    settings.HANDOFF_FROM = f"Message hub <hub@{HOST}>"
    limits._rooms.clear()


@pytest.fixture
def server(db):
    with smtp_servers.Server() as running:
        Router.objects.create(name="test", default=True, host="127.0.0.1", port=running.port, tls="none")
        routers._table = None
        yield running
    routers._table = None


@pytest.fixture
def thread(application, server, make_person):
    """A delivered message; answers the address that its mail asks to answer to."""
    person = make_person("ocd-person/1", RECIPIENT, "second@people.example", name="Jane Roe")
    posted = application.hand_over(subject="Bridge", message="When?", recipients=person.external_id)
    attempts.spool_due(timezone.now())
    deliver()
    (mail,) = mails_to(server, RECIPIENT)
    return Thread(posted.json()["id"], mail["Reply-To"], mail)


class Thread:
    def __init__(self, message_id, address, first):
        self.message_id, self.address, self.first = message_id, address, first

    @property
    def row(self):
        return rows_of(self.message_id)[0]


def deliver():
    drains.run("transactional")
    attempts.collect(timezone.now())


def mails_to(server, address):
    return [
        email.message_from_bytes(each.data, policy=email.policy.default)
        for each in server.accepted
        if each.recipient == address
    ]


def write(author, to, envelope=None, now=None, **more):
    raw = messages.written(author, to, **more)
    sender = author if envelope is None else envelope
    inbound.take(sender=sender, recipient=to, raw=raw, now=now or timezone.now())
    return raw


def bodies_of(mail):
    return [mail.get_body([kind]).get_content().replace("\r\n", "\n") for kind in ("plain", "html")]


def test_handoff_24_replies_go_both_ways_and_strangers_are_told_once(thread, server):
    write(
        f"Jane <{RECIPIENT}>",
        thread.address,
        subject="Re: Bridge",
        text=f"Soon.\n\n> To: {RECIPIENT}\n> When?\n",
    )
    deliver()
    (forwarded,) = mails_to(server, SENDER)
    plain, html = bodies_of(forwarded)
    assert "Jane Roe" in plain and "Soon.\n" in plain and "> When?" in plain and "Soon." in html
    assert forwarded["Reply-To"] == thread.address and forwarded["Subject"] == "Jane Roe wrote: Re: Bridge"
    write(SENDER, thread.address, subject="Re: Re: Bridge", text="Thank you.\n")
    deliver()
    _, answered = mails_to(server, RECIPIENT)
    assert "Joe Bleu" in bodies_of(answered)[0] and "Thank you." in bodies_of(answered)[0]
    assert answered["Reply-To"] == thread.address and answered["In-Reply-To"] == thread.first["Message-ID"]
    assert answered["List-Unsubscribe-Post"] and "/flag/" in answered["List-Unsubscribe"]
    for mail, foreign in ((forwarded, RECIPIENT), (answered, SENDER)):
        assert foreign not in str(mail) and mail["From"] == f"Message hub <hub@{HOST}>"
    assert "people.example" not in str(forwarded)
    for _ in range(2):
        write("stranger@else.example", thread.address)
        write("lost@else.example", f"reply@{HOST}")
    deliver()
    (refusal,), (generic,) = mails_to(server, "stranger@else.example"), mails_to(server, "lost@else.example")
    assert "could not be delivered" in refusal.get_content() and "Nobody reads" in generic.get_content()
    assert refusal["Auto-Submitted"] == generic["Auto-Submitted"] == "auto-replied"
    stored = Reply.objects.order_by("created_at", "pk")
    assert [(each.from_sender, each.subject) for each in stored] == [
        (False, "Re: Bridge"),
        (True, "Re: Re: Bridge"),
    ]
    assert {each.recipient_id for each in stored} == {thread.row.pk}


def test_a_canned_answer_has_a_null_return_path(thread, server):
    write("stranger@else.example", thread.address)
    deliver()
    (envelope,) = [each.sender for each in server.accepted if each.recipient == "stranger@else.example"]
    assert envelope == ""


def test_later_mails_of_a_thread_refer_to_the_one_before(thread, server):
    for text in ("One.\n", "Two.\n"):
        write(RECIPIENT, thread.address, text=text)
        deliver()
    first, second = mails_to(server, SENDER)
    assert (
        first["In-Reply-To"] is None and second["In-Reply-To"] == first["Message-ID"] == second["References"]
    )


def test_the_recipients_answer_confirms_the_attempt_and_is_a_response(thread):
    write(RECIPIENT.upper(), thread.address)
    (attempt,) = attempts_of(thread.message_id)
    assert attempt.status == "success"
    (event,) = Event.objects.filter(kind="response")
    assert event.mail_id == Mail.objects.get(attempt=attempt).pk and event.detail == {"automatic": False}


def test_any_address_of_the_recipient_may_answer(thread, server):
    write("second@people.example", thread.address)
    deliver()
    assert len(mails_to(server, SENDER)) == 1
    assert "second@people.example" not in str(mails_to(server, SENDER)[0])


@pytest.mark.parametrize(
    "local",
    [
        "reply",
        "reply+",
        "reply+0-x",
        "reply+1",
        "reply+999999999-0123456789abcdef",
        "reply+1-0123456789abcdef",
    ],
)
def test_an_address_without_its_token_is_unsolicited(thread, server, local):
    write(RECIPIENT, f"{local}@{HOST}")
    deliver()
    assert not Reply.objects.exists() and not mails_to(server, SENDER)
    assert "Nobody reads" in mails_to(server, RECIPIENT)[1].get_content()


def test_a_thread_that_is_gone_is_unsolicited(thread, server):
    from earwig.messages import tokens

    address = f"reply+77-{tokens.token_of(tokens.Purpose.THREAD, 77)}@{HOST}"
    write(RECIPIENT, address)
    deliver()
    assert "Nobody reads" in mails_to(server, RECIPIENT)[1].get_content()


AUTOMATIC = [
    ({"envelope": ""}, "null return path"),
    ({"Auto_Submitted": "auto-replied"}, "auto-submitted"),
    ({"Precedence": "bulk"}, "bulk"),
    ({"subject": "Automatic reply: Bridge"}, "out of office"),
    ({"List_Id": "<a.example>"}, "list"),
]


@pytest.mark.parametrize("author", [SENDER, RECIPIENT, "stranger@else.example"])
@pytest.mark.parametrize(("how", "_"), AUTOMATIC, ids=lambda each: each if isinstance(each, str) else "")
def test_what_no_person_wrote_is_neither_passed_on_nor_answered(thread, author, how, _):
    before = Mail.objects.count()
    write(author, thread.address, **how)
    write(author, f"reply@{HOST}", **how)
    assert Mail.objects.count() == before and not Reply.objects.exists()
    assert set(IncomingMail.objects.values_list("kind", flat=True)) == {"auto_reply"}


@pytest.mark.parametrize("author", [f"hub@{HOST}", f"b-{'0' * 32}@{HOST}", "mailer-daemon@else.example", ""])
def test_our_own_and_programs_addresses_are_not_answered(thread, author):
    before = Mail.objects.count()
    write(author, thread.address, envelope="x@else.example")
    write(author, f"reply@{HOST}", envelope="x@else.example")
    assert Mail.objects.count() == before


def test_who_wants_no_automatic_answer_gets_none_but_is_passed_on(thread, server):
    before = Mail.objects.count()
    for to in (thread.address, f"reply@{HOST}"):
        write("stranger@else.example", to, X_Auto_Response_Suppress="DR, OOF, AutoReply")
    assert Mail.objects.count() == before
    write(RECIPIENT, thread.address, X_Auto_Response_Suppress="All")
    assert Reply.objects.count() == 1 and Mail.objects.count() == before + 1


def test_mail_that_runs_in_circles_ends_here(thread):
    raw = b"Received: from a by b; x\r\n" * 101 + messages.written(RECIPIENT, thread.address)
    inbound.take(sender=RECIPIENT, recipient=thread.address, raw=raw, now=timezone.now())
    assert not Reply.objects.exists() and IncomingMail.objects.get().kind == "auto_reply"


def test_a_bounce_to_the_thread_is_no_reply(thread):
    mail = Mail.objects.get()
    original = messages.ORIGINAL.format(id=mail.public_id.hex)
    inbound.take(
        sender="",
        recipient=thread.address,
        raw=messages.dsn(messages.failed(RECIPIENT), original=original).encode(),
        now=timezone.now(),
    )
    assert not Reply.objects.exists() and Mail.objects.get().bounced_at


def test_authors_are_told_apart_and_told_again_after_a_day(thread):
    before = Mail.objects.count()
    for author in ("a@else.example", "b@else.example", "a@else.example"):
        write(author, thread.address, text=f"{timezone.now()}\n")
    assert Mail.objects.count() == before + 2
    cache.clear()
    write("a@else.example", thread.address)
    assert Mail.objects.count() == before + 3


def test_forged_authors_cannot_make_it_write_to_everybody(thread, monkeypatch):
    from spooling.inbound import threads

    monkeypatch.setattr(threads, "MOST_ANSWERS_AN_HOUR", 3)
    before = Mail.objects.count()
    for number in range(6):
        write(f"a{number}@else.example", thread.address)
    assert Mail.objects.count() == before + 3


def test_after_a_purge_a_reply_is_stored_and_not_passed_on(thread, server):
    later = timezone.now() + timedelta(days=11)
    privacy.purge_overdue(later)
    assert Sender.objects.get().email is None
    write(RECIPIENT, thread.address, now=later)
    assert not Mail.objects.filter(email=SENDER).exists()
    write(SENDER, thread.address, now=later)
    assert [each.from_sender for each in Reply.objects.all()] == [False]
    assert Mail.objects.get(email=SENDER).content.subject == "Your mail could not be delivered"


def test_between_expiry_and_purge_the_address_is_treated_as_gone(thread):
    write(RECIPIENT, thread.address, now=timezone.now() + timedelta(days=11))
    assert Reply.objects.count() == 1 and not Mail.objects.filter(email=SENDER).exists()


def test_a_purge_takes_the_name_out_of_what_was_passed_on(thread):
    write(SENDER, thread.address, text="Yours, Joe Bleu\n")
    passed = Mail.objects.get(submission__client_reference=f"thread {thread.row.pk}")
    assert "Joe Bleu" in str(passed.variables)
    privacy.forget(Sender.objects.get(), now=timezone.now())
    passed.refresh_from_db()
    assert "Joe Bleu" not in str(passed.variables) and "Joe Bleu" not in Reply.objects.get().body
    assert bytes(IncomingMail.objects.get().raw) == b""


def test_a_blocked_contact_gets_nothing_passed_on(thread):
    ContactDetail.objects.update(blocked=True, reason="staff")
    write(SENDER, thread.address)
    assert Reply.objects.count() == 1
    assert Mail.objects.filter(submission__client_reference__startswith="thread").count() == 0


def test_the_subject_unsubscribe_stops_all_mail_to_the_recipient(thread, application):
    write(RECIPIENT, thread.address, subject=" Unsubscribe ")
    (attempt,) = attempts_of(thread.message_id)
    assert (attempt.feedback_type, attempt.status) == ("unsubscribe", "blocked")
    assert application.statuses(thread.message_id) == ["expired"]
    assert Suppression.objects.get().address == RECIPIENT and not Reply.objects.exists()


def test_text_is_made_of_html_and_files_are_left_out(thread, server):
    html = "<p>Soon, <b>very</b> soon.</p><script>alert(1)</script>"
    write(RECIPIENT, thread.address, text="", html=html, files=[("plan.pdf", b"%PDF-")])
    deliver()
    (mail,) = mails_to(server, SENDER)
    plain, shown = bodies_of(mail)
    assert "Soon, very soon." in plain and "alert" not in shown and "[Files were left out.]" in plain
    assert b"PDF" not in mail.as_bytes() and "Soon, very soon." in Reply.objects.get().body


def test_the_date_of_a_reply_is_its_own_with_its_offset(thread):
    dates = (
        "Fri, 01 Aug 2025 10:00:00 +0200",
        "Fri, 01 Aug 2099 10:00:00 +0000",
        "nonsense",
        "1 Jan 0001 99:99",
    )
    for date in dates:
        write(RECIPIENT, thread.address, text=f"At {date}\n", Date=date)
    first, *others = Reply.objects.order_by("created_at")
    assert first.created_at == datetime(2025, 8, 1, 8, tzinfo=UTC)
    assert (
        all(timezone.now() - each.created_at < timedelta(minutes=5) for each in others) and len(others) == 3
    )


def test_the_same_reply_twice_is_stored_and_passed_on_once(thread):
    for _ in range(2):
        write(RECIPIENT, thread.address, text="Once.\n")
    assert Reply.objects.count() == 1 and Mail.objects.filter(email=SENDER).count() == 1


def test_a_reply_that_may_not_be_passed_on_now_is_left_to_its_server(thread):
    Account.objects.update(mails_per_hour=1)
    limits._rooms.clear()
    with pytest.raises(errors.LimitReached):
        write(RECIPIENT, thread.address)
    assert not Reply.objects.exists() and not IncomingMail.objects.exists()
    assert attempts_of(thread.message_id)[0].status == "sent"


def test_tags_in_a_reply_are_words(thread, server):
    write(RECIPIENT, thread.address, subject="{{author}} {{#a}}", text="{{thread}} {{/x}} <b>\n")
    deliver()
    (mail,) = mails_to(server, SENDER)
    plain, html = bodies_of(mail)
    assert "{{thread}} {{/x}} <b>" in plain and "&lt;b&gt;" in html and "{{author}} {{#a}}" in mail["Subject"]


def test_another_accounts_people_are_strangers(thread, other_account, make_person):
    make_person("ocd-person/1", "rival@people.example", of=other_account)
    write("rival@people.example", thread.address)
    assert not Reply.objects.exists()


def test_two_recipients_of_a_message_are_two_threads(application, server, make_person):
    people = [make_person(f"ocd-person/{n}", f"p{n}@people.example") for n in (1, 2)]
    application.hand_over(recipients=[person.external_id for person in people])
    attempts.spool_due(timezone.now())
    deliver()
    (mail,) = mails_to(server, "p1@people.example")
    write("p2@people.example", mail["Reply-To"])
    assert not Reply.objects.exists()
    write("p1@people.example", mail["Reply-To"])
    assert Reply.objects.get().recipient.person == people[0]


def test_a_complaint_blocks_the_attempt(thread, application):
    mail = Mail.objects.get()
    shown = f"Message-ID: <{mail.public_id.hex}@x.example>\n\n"
    with transaction.atomic():
        inbound.take(
            sender="", recipient=f"fbl@{HOST}", raw=messages.complaint(shown).encode(), now=timezone.now()
        )
    assert [attempt.status for attempt in attempts_of(thread.message_id)] == ["blocked", "scheduled"]
    assert application.statuses(thread.message_id) == ["attempted"]


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (messages.told("delivered", "2.0.0"), "success"),
        (messages.told("relayed", "2.0.0"), "sent"),
        (messages.told("delayed", "4.0.0"), "sent"),
        (messages.failed(RECIPIENT), "bad_data"),
        (messages.failed(RECIPIENT, status="5.7.1", text="policy"), "blocked"),
        (messages.failed(RECIPIENT, status="5.2.2", text="full"), "sent"),
    ],
)
def test_a_report_moves_its_attempt(thread, outcome, status):
    mail = Mail.objects.get()
    raw = messages.dsn(outcome).encode()
    inbound.take(sender="", recipient=f"b-{mail.public_id.hex}@{HOST}", raw=raw, now=timezone.now())
    attempts.collect(timezone.now())
    assert attempts_of(thread.message_id)[0].status == status
