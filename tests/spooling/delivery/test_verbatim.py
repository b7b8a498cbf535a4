"""Complete messages as they go out: octet for octet, but for what is rendered."""

import dataclasses
import email
import email.policy

import pytest
from django.utils import timezone

from spooling import privacy, raw_messages
from spooling.delivery import letters
from spooling.models import Attachment, Content, ContentLink, Mail
from spooling.outbox import intake
from spooling.outbox.drafts import Handling, NewMail
from tests import made_letters
from tests.spooling.test_raw_messages import HEADER, SIGNED, crlf

pytestmark = pytest.mark.django_db

NESTED = HEADER + crlf("""Date: Mon, 1 Jan 2024 00:00:00 +0000
Message-ID: <own@sender.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="out er"

This is a multi-part message.
--out er
Content-Type: multipart/alternative; boundary=in

--in
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

caf=E9 {{name}}
--in
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PHA+PGEgaHJlZj0iaHR0cDovL3QuZXhhbXBsZS8iPmNhZsOpPC9hPjwvcD4=
--in
Content-Type: text/calendar; method=REQUEST

BEGIN:VCALENDAR
--in--

--out er
Content-Type: text/html
Content-Disposition: attachment; filename=a.html

<a href="http://t.example/">{{name}}</a>
--out er
Content-Type: message/rfc822

From: c@x.example
Content-Type: text/html

<a href="http://t.example/">{{name}}</a>
--out er--
epilogue
""")


@pytest.fixture
def send(account):
    def call(content, address="bob@x.example", variables=None, **more):
        mail = NewMail(email=address, variables=variables or {})
        submission = intake.NewSubmission(account_id=account.pk, wire="smtp")
        (accepted,) = intake.accept(
            submission, [intake.NewSend(content=content, mails=(mail,), **more)], now=timezone.now()
        )
        return accepted

    return call


def message_of(accepted):
    return made_letters.of(accepted.id)


def sent(accepted):
    return email.message_from_bytes(message_of(accepted).data, policy=email.policy.default)


@pytest.mark.parametrize("raw", [NESTED, SIGNED + b"", HEADER + b"\r\nHi\r\n", HEADER + b"\r\n"])
def test_a_message_goes_out_octet_for_octet_but_for_the_fields_it_lacks(send, raw):
    accepted = send(raw_messages.read(raw))
    message = message_of(accepted)
    head, _, body = raw.partition(b"\r\n\r\n")
    went_head, _, went_body = message.data.partition(b"\r\n\r\n")
    assert went_body == (body or b"\r\n")
    assert went_head.startswith(head.removesuffix(b"\r\n"))
    added = went_head.removeprefix(head.removesuffix(b"\r\n"))
    if b"Message-ID" in raw:
        assert added == b""
    else:
        assert b"Date: Thu, 01 Jan 1970 00:00:00 +0000" in added
        assert f"Message-ID: <{accepted.hex}@sender.example>".encode() in added
    assert not message.eight_bit and not message.utf8


def test_tracking_is_written_into_the_html_that_is_shown_and_nowhere_else(send):
    content = dataclasses.replace(raw_messages.read(NESTED), track_clicks=True, track_opens=True)
    accepted = send(content)
    message = sent(accepted)
    html = message.get_body(("html",)).get_content()
    assert "/t/c/" in html and "/t/p/" in html and ">café</a>" in html
    assert [row.target for row in ContentLink.objects.all()] == ["http://t.example/"]
    data = message_of(accepted).data
    start = NESTED.index(b"--in\r\nContent-Type: text/calendar")
    assert data.endswith(NESTED[start:])
    assert b"caf=E9 {{name}}\r\n" in data


def test_a_template_language_is_rendered_in_header_and_texts(send):
    raw = HEADER.replace(b"Hello", b"=?utf-8?q?Gr=C3=BCezi_=7B=7Bname=7D=7D?=").replace(
        b"Ann Lee", b'"{{name}}\'s shop"'
    ) + NESTED.removeprefix(HEADER)
    content = dataclasses.replace(raw_messages.read(raw), template_language="mustache")
    message = sent(send(content, variables={"name": "Bö\r\nb"}))
    assert message["Subject"] == "Grüezi Bö b"
    assert message["From"] == "Bö b's shop <ann@sender.example>"
    assert message.get_body(("plain",)).get_content() == "café Bö\r\nb"
    assert "{{name}}" in list(message.iter_attachments())[0].get_content()


def test_what_nobody_may_change_is_not_tracked(send):
    content = dataclasses.replace(
        raw_messages.read(SIGNED.replace(b"<p>", b"<a href='http://t.example/'>")),
        track_clicks=True,
        track_opens=True,
    )
    assert content.raw.partition(b"\r\n\r\n")[2] == message_of(send(content)).data.partition(b"\r\n\r\n")[2]


def test_a_charset_that_nobody_knows_is_left_alone(send):
    raw = HEADER + b"Content-Type: text/html; charset=x-none\r\n\r\n<a href='http://t.example/'>\r\n"
    content = dataclasses.replace(raw_messages.read(raw), track_clicks=True)
    assert message_of(send(content)).data.endswith(b"\r\n\r\n<a href='http://t.example/'>\r\n")


def test_html_too_large_for_a_program_goes_out_untracked(send):
    raw = HEADER + b"Content-Type: text/html\r\n\r\n" + b"<p>\r\n" * 300_000
    content = dataclasses.replace(raw_messages.read(raw), track_opens=True)
    assert message_of(send(content)).data.endswith(b"\r\n\r\n" + b"<p>\r\n" * 300_000)


def test_a_link_that_shows_where_it_leads_is_spared_where_asked_for(send):
    html = b"<a href='https://a.example/'>a.example</a> <a href='https://b.example/'>here</a>"
    content = dataclasses.replace(
        raw_messages.read(HEADER + b"Content-Type: text/html\r\n\r\n" + html),
        track_clicks=True,
        handling=Handling(spare_shown_links=True),
    )
    got = sent(send(content)).get_content()
    assert "https://a.example/" in got and "https://b.example/" not in got


def test_bulk_mail_can_be_unsubscribed_from_in_one_click(send):
    plain = sent(send(raw_messages.read(HEADER + b"\r\nHi\r\n"), lane="bulk"))
    assert "/t/u/" in plain["List-Unsubscribe"]
    own = sent(
        send(raw_messages.read(HEADER + b"List-Unsubscribe: <mailto:x@x.example>\r\n\r\nHi\r\n"), lane="bulk")
    )
    assert own.get_all("List-Unsubscribe") == ["<mailto:x@x.example>"]


def test_an_eight_bit_signed_part_asks_for_a_server_that_takes_it(send):
    raw = SIGNED.replace(b"<p>", "<p>ü".encode())
    assert message_of(send(raw_messages.read(raw))).eight_bit


def test_bounces_are_tracked_unless_that_is_off(send):
    content = raw_messages.read(HEADER + b"\r\nHi\r\n")
    given = Handling(
        envelope_sender="bounces@x.example", notify="SUCCESS", ret="HDRS", envid="e 1", orcpt="o@x.example"
    )
    accepted = send(dataclasses.replace(content, handling=given))
    message = message_of(accepted)
    assert message.sender.startswith(f"b-{accepted.hex}@")
    assert (message.notify, message.ret, message.envid, message.orcpt) == (
        *("SUCCESS", "HDRS", "e 1"),
        "o@x.example",
    )
    own = dataclasses.replace(given, track_bounces=False)
    assert message_of(send(dataclasses.replace(content, handling=own))).sender == "bounces@x.example"
    nobody = Handling(track_bounces=False)
    assert message_of(send(dataclasses.replace(content, handling=nobody))).sender == ""


def test_a_mail_of_usual_handling_stores_nothing_of_it(send):
    send(raw_messages.read(HEADER + b"\r\nHi\r\n"))
    assert Content.objects.get().handling is None


def test_each_content_has_its_message_alone(send):
    content = raw_messages.read(HEADER + b"\r\nHi\r\n")
    send(content)
    send(content)
    assert Attachment.objects.count() == 2


def test_an_address_goes_from_a_stored_message_wherever_it_stands(send, account):
    from earwig import senders

    content = raw_messages.read(HEADER + b"X-To: joe@x.example\r\n\r\nHi joe@x.example\r\n")
    own = Handling(track_bounces=False, envelope_sender="joe@x.example")
    accepted = send(dataclasses.replace(content, handling=own))
    sender = senders.vouch(account, email="joe@x.example", name="Joe", ttl_days=1, now=timezone.now())
    privacy.forget(sender, now=timezone.now())
    stored = bytes(Attachment.objects.get().data)
    assert b"joe" not in stored and b"[erased]" in stored and b"bob@x.example" in stored
    assert message_of(accepted).sender == ""


def test_an_erased_content_has_no_message(send, settings):
    accepted = send(raw_messages.read(HEADER + b"\r\nHi\r\n"))
    now = timezone.now()
    Mail.objects.filter(public_id=accepted.public_id).update(state="delivered", ended_at=now)
    privacy.erase_old_mails(now + timezone.timedelta(days=settings.MAIL_RETENTION + 1))
    content = Content.objects.get()
    assert content.erased_at and content.raw_id is None and not Attachment.objects.exists()
    assert letters.shown(Mail.objects.get()) == b""


def test_what_was_sent_is_shown_again(send):
    accepted = send(raw_messages.read(NESTED))
    mail = Mail.objects.get(public_id=accepted.public_id)
    assert letters.shown(mail).endswith(b"--out er--\r\nepilogue\r\n")
    assert "café" in letters.page(mail)
