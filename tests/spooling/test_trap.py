"""The mail trap, spoken to by a real SMTP client, and its pages in the admin."""

import smtplib
import threading
from datetime import timedelta
from email.message import EmailMessage

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from spooling import received, trap
from spooling.models import TrappedMail
from tests import traps

LIST = "admin:spooling_trappedmail_changelist"
PAGE = "admin:spooling_trappedmail_change"


@pytest.fixture
def port(transactional_db):
    """A running trap's port."""
    with traps.running() as running:
        yield running


@pytest.fixture
def trapped(db):
    def keep(raw, recipient="you@example.net"):
        [row] = TrappedMail.objects.bulk_create(
            [TrappedMail(envelope_recipient=recipient, subject=received.subject_of(raw), raw=raw)]
        )
        return row

    return keep


def test_a_mail_is_kept_exactly_as_it_arrived(port):
    raw = b"Subject: =?utf-8?q?h=C3=A9?=\r\n\r\n.dot\r\n\xff\xfe bytes\r\n"
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("from@example.org", ["you@example.net"], raw, mail_options=["BODY=8BITMIME"])
    [row] = TrappedMail.objects.all()
    assert bytes(row.raw) == raw
    assert (row.envelope_sender, row.envelope_recipient) == ("from@example.org", "you@example.net")
    assert row.subject == "hé"


def test_each_recipient_of_a_transaction_gets_a_row(port):
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("", ["a@example.net", "b@example.net"], b"Subject: x\r\n\r\n")
    recipients = TrappedMail.objects.values_list("envelope_recipient", flat=True)
    assert sorted(recipients) == ["a@example.net", "b@example.net"]


def test_addresses_outside_ascii_are_kept(port):
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("jürgen@example.org", ["δοκιμή@example.net"], b"\r\n", mail_options=["SMTPUTF8"])
    assert TrappedMail.objects.get().envelope_recipient == "δοκιμή@example.net"


def test_a_mail_over_the_size_limit_is_refused(port):
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.ehlo()
        code, _ = client.mail("from@example.org", [f"SIZE={trap.SIZE_LIMIT_BYTES + 1}"])
    assert code == 552


def test_the_answer_comes_after_the_commit_from_many_connections(port):
    def send(sender):
        with smtplib.SMTP("127.0.0.1", port) as client:
            for number in range(20):
                client.sendmail(f"{sender}@example.org", [f"{number}@example.net"], b"Subject: x\r\n\r\n")
                assert number + 1 == sum(row == f"{sender}@example.org" for row in _senders())

    def _senders():
        return TrappedMail.objects.values_list("envelope_sender", flat=True)

    faults = _in_threads(send, range(5))
    assert faults == []
    assert TrappedMail.objects.count() == 100


def _in_threads(work, arguments):
    from django.db import connection

    faults = []

    def run(argument):
        try:
            work(argument)
        except Exception as fault:
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(argument,)) for argument in arguments]
    [thread.start() for thread in threads]
    [thread.join(30) for thread in threads]
    return faults


def test_a_mail_that_cannot_be_stored_is_deferred(port, monkeypatch):
    from django.db import OperationalError

    def fail(rows):
        raise OperationalError("disk full")

    monkeypatch.setattr(TrappedMail.objects, "bulk_create", fail)
    with smtplib.SMTP("127.0.0.1", port) as client:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail("from@example.org", ["you@example.net"], b"Subject: x\r\n\r\n")
    assert refused.value.smtp_code == 451


def test_old_and_surplus_mail_is_deleted(trapped, monkeypatch, settings):
    settings.TRAP_RETENTION = 7
    now = timezone.now()
    old = trapped(b"Subject: old\r\n\r\n")
    TrappedMail.objects.filter(pk=old.pk).update(received_at=now - timedelta(days=7, seconds=1))
    rows = [trapped(b"Subject: x\r\n\r\n") for _ in range(5)]
    monkeypatch.setattr(trap, "KEEP_ROWS", 3)
    assert trap.prune(now=now) == 3
    assert list(TrappedMail.objects.order_by("id").values_list("id", flat=True)) == [
        row.pk for row in rows[2:]
    ]


@given(st.binary(max_size=2000))
@example(b"Content-Type: text/plain; charset=rot13\r\n\r\nabc")
@example(b"Content-Type: text/plain; charset*=x'y'%ff\r\n\r\nabc")
@example(b'Content-Type: text/html; charset="a\nb"\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!')
@example(b'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\n')
@example(b"Content-Type: multipart/mixed\r\n\r\nno boundary")
@example(b"Content-Type: message/rfc822\r\n\r\nSubject: =?utf-8?b?=C3?=\r\n\r\n")
@example(b"Content-Disposition: attachment; filename*0*=bad''%zz; filename*1=\xff\r\n\r\n")
@example(b"Subject: =?no-such-charset?q?a?= =?utf-8?b?a?=\r\n\r\n\x00")
@example(b"Content-Type: text/plain; charset=idna\r\n\r\nxn--a")
@example(b"Content-Transfer-Encoding: uuencode\r\n\r\nbegin 644 x\r\n!!")
def test_anything_can_be_read(raw):
    mail = received.read(raw)
    subject = received.subject_of(raw)
    assert "\n" not in subject and "\x00" not in subject
    for text in (subject, mail.text, mail.html_with_images(), *(value for _, value in mail.headers)):
        text.encode()


def test_multiparts_nested_without_end_are_shown_as_source():
    raw = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(2000)
    )
    assert "boundary=b7" in received.read(raw).text


def test_text_html_and_files_are_told_apart():
    message = EmailMessage()
    message["Subject"] = "Grüße"
    message.set_content("Hällo", charset="iso-8859-15")
    message.add_alternative('<img src="cid:logo@x"><p>Hällo', subtype="html", charset="utf-16")
    message.get_payload()[1].add_related(b"PNG", "image", "png", cid="<logo@x>", filename="logo.png")
    message.add_attachment("<script>", subtype="html", filename="ünï.html")
    mail = received.read(message.as_bytes())
    assert mail.text.strip() == "Hällo"
    assert '<img src="data:image/png;base64,UE5H"><p>Hällo' in mail.html_with_images()
    assert [(file.name, file.type) for file in mail.files] == [
        ("logo.png", "image/png"),
        ("ünï.html", "text/html"),
    ]


def test_the_list_finds_mail_by_recipient_and_subject(staff, trapped):
    trapped(b"Subject: Invoice 7\r\n\r\n", "a@example.net")
    trapped(b"Subject: Welcome\r\n\r\n", "b@example.net")
    for wanted in ("voice", "a@example.net"):
        page = staff.get(reverse(LIST), {"q": wanted}).content.decode()
        assert "Invoice 7" in page and "Welcome" not in page


BROKEN = [
    b"",
    b"\x00\xff\xfe",
    b"Content-Type: text/html; charset=no-such\r\n\r\n<p>\xff\x00",
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: image/png\r\n\r\nx\r\n--x",
    b"Subject: =?utf-8?b?////?=\r\nFrom: <<<\r\n: nameless\r\n\r\n",
    b'Content-Type: application/x\r\nContent-Disposition: attachment; filename="a\r\n b\x01"\r\n\r\nx',
]


@pytest.mark.parametrize("raw", BROKEN)
def test_pages_of_a_broken_mail_answer(staff, trapped, raw):
    row = trapped(raw)
    assert staff.get(reverse(LIST)).status_code == 200
    assert staff.get(reverse(PAGE, args=(row.pk,))).status_code == 200
    assert staff.get(reverse("admin:spooling_trappedmail_html", args=(row.pk,))).status_code == 200
    source = staff.get(reverse("admin:spooling_trappedmail_source", args=(row.pk,)))
    assert source.content == raw
    for place in range(len(received.read(raw).files)):
        assert staff.get(reverse("admin:spooling_trappedmail_file", args=(row.pk, place))).status_code == 200


def test_what_a_mail_says_is_escaped_on_the_page(staff, trapped):
    evil = b"<img src=x onerror=alert(1)>"
    row = trapped(
        b"Subject: " + evil + b"\r\nX-" + evil[1:4] + b": " + evil + b"\r\n\r\n" + evil, evil.decode()
    )
    for page in (reverse(PAGE, args=(row.pk,)), reverse(LIST)):
        assert evil not in staff.get(page).content


FILES = [
    ("text/html", "attachment"),
    ("image/svg+xml", "attachment"),
    ("application/pdf", "attachment"),
    ("text/xml", "attachment"),
    ("image/png", "inline"),
    ("audio/mpeg", "inline"),
    ("video/mp4", "inline"),
]


@pytest.mark.parametrize(("type_", "disposition"), FILES)
def test_only_images_sounds_and_films_are_shown(staff, trapped, type_, disposition):
    row = trapped(
        f'Content-Type: {type_}\r\nContent-Disposition: attachment; filename="a;b\\".x"\r\n\r\nx'.encode()
    )
    answer = staff.get(reverse("admin:spooling_trappedmail_file", args=(row.pk, 0)))
    assert answer["Content-Disposition"].startswith(f"{disposition}; ")
    assert answer["Content-Type"] == (type_ if disposition == "inline" else "application/octet-stream")
    assert answer["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_the_html_answers_inside_a_sandbox(staff, trapped):
    row = trapped(b"Content-Type: text/html\r\n\r\n<p>Hello")
    answer = staff.get(reverse("admin:spooling_trappedmail_html", args=(row.pk,)))
    assert answer.content == b"<p>Hello"
    policy = answer["Content-Security-Policy"].split("; ")
    assert {"sandbox", "default-src 'none'", "img-src data:"} <= set(policy)
    assert answer["X-Frame-Options"] == "SAMEORIGIN"


def test_strangers_and_staff_without_the_right_see_nothing(client, trapped):
    row = trapped(b"Content-Type: text/html\r\n\r\nsecret")
    pages = [reverse(f"admin:spooling_trappedmail_{kind}", args=(row.pk,)) for kind in ("html", "source")]
    pages.append(reverse("admin:spooling_trappedmail_file", args=(row.pk, 0)))
    assert {client.get(page).status_code for page in pages} == {302}
    user = get_user_model().objects.create_user("clerk@example.org", password="x", is_staff=True)
    client.force_login(user)
    assert {client.get(page).status_code for page in pages} == {404}


def test_deleting_leaves_no_address_in_the_history(staff, trapped):
    row = trapped(b"Subject: for you@example.net\r\n\r\n")
    staff.post(reverse("admin:spooling_trappedmail_delete", args=(row.pk,)), {"post": "yes"})
    assert not TrappedMail.objects.exists()
    entry = LogEntry.objects.get()
    assert "@" not in entry.object_repr + entry.change_message


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("filename*=utf-8''%C3%BC.pdf; filename=\"_.pdf\"", "ü.pdf"),
        ("filename=\"_.pdf\"; filename*=utf-8''%C3%BC.pdf", "ü.pdf"),
        ("filename*0*=utf-8''%C3%BC; filename*1=.pdf", "ü.pdf"),
        ('filename="=?utf-8?q?=C3=BC?=.pdf"', "ü.pdf"),
        ("filename*=idna''%C3%BC.pdf", "ü.pdf"),
        ("filename", "part-0"),
    ],
)
def test_of_two_names_of_a_file_the_one_for_new_readers_counts(field, name):
    mail = received.read(f"Content-Disposition: attachment; {field}\r\n\r\nx".encode())
    assert [file.name for file in mail.files] == [name]
