"""Whatever comes in is taken in a bounded time, and never raises; what it says reaches no log."""

import logging

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spooling import inbound, received
from spooling.inbound import bounces, bounds, sorting
from spooling.inbound.destinations import Mailbox
from spooling.inbound.fields import Fields
from spooling.models import IncomingMail
from tests import costs
from tests.spooling.inbound import messages
from tests.spooling.inbound.conftest import HOST, return_path

#: Of a processor, on any machine: the mails below take a tenth of it here, and hours where something is unbounded.
MOST_SECONDS = 30.0

MULTIPART = b"Content-Type: multipart/mixed; boundary=x\n\n"
BOMBS = {
    "50 MB": b"Subject: x\n\n" + b"a" * 50_000_000,
    "100,000 parts": MULTIPART + b"--x\n\na\n" * 100_000,
    "nested": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(100_000)
    ),
    "nested and long": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(19)
    )
    + b"-\n" * 2_000_000,
    "messages in messages": b"Content-Type: message/rfc822\n\n" * 100_000,
    "a field": b"Subject: " + b"x" * 20_000_000,
    "parameters": b"Content-Type: text/plain" + b';"a' * 1_000_000 + b"\n\nx",
    "parameters of parts": MULTIPART + (b"--x\nContent-Type: text/x" + b';"a' * 20_000 + b"\n\na\n") * 100,
    "encoded words": b"Subject: " + b"=?a?q?" * 500_000 + b"\n\nx",
    "encoded words of fields": b"Subject: =?utf-8?q?" + b"=41" * 1_000 + b"?=\n" * 100_000,
    "fields": b"a: b\n" * 1_000_000,
    "recipients": messages.dsn(*([messages.failed()] * 20_000)).encode(),
    "addresses": b"From: " + b"a@b.example, " * 300_000 + b"\n\nx",
    "no blank": b"X" * 10_000_000,
    "white": b"Subject:" + b" " * 10_000_000,
    "no space": b"From: MAILER-DAEMON@x\nSubject: failure notice\n\n" + b"a@" * 3_000_000,
    "bounce words": b"From: MAILER-DAEMON@x\n\nUndelivered: " + b"user mailbox " * 500_000,
    "dots": b"From: MAILER-DAEMON@x\n\nUndelivered " + b"5.1." * 1_000_000,
    "html": b"Content-Type: text/html\n\n" + b"<a" * 2_000_000,
    "reports": MULTIPART + b"--x\nContent-Type: message/delivery-status\n\nAction: failed\n\n" * 20_000,
}


@pytest.mark.parametrize("raw", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_sorted_within_bounds(raw):
    def act():
        tamed = bounds.tame(raw)
        content = sorting.Content(tamed=tamed, received=received.read(tamed), fields=Fields(tamed))
        for mailbox in (Mailbox.RETURN_PATH, Mailbox.THREAD, Mailbox.DMARC):
            assert sorting.sort(mailbox, "a@x.example", content).kind

    assert costs.seconds(act, enough=MOST_SECONDS / 2) < MOST_SECONDS


ODD = [
    b"", b"\0", b"\r\n\r\n", b"\xff" * 100, b"Subject", b": x\n\n", b"\n", b"From: \xff\xfe\n\n\x80",
    b"Content-Type: text/plain; charset=idna\n\nx..x", b"Content-Type: text/plain; charset=rot13\n\nx",
    b"Content-Type: text/plain; charset=\x00\n\nx", b"Content-Transfer-Encoding: x-uuencode\n\nbegin 666 a\nM",
    b"Content-Type: multipart/report; boundary=\"\"\n\n--\n", b"Content-Type: multipart/mixed\n\n--x\n",
    b"Content-Type: message/delivery-status\n\n", b"Date: 99\nFrom: <>\n\nx", b"From: a@b@c\nSubject: =?x?q?=\n\n",
    b"Content-Type: message/delivery-status\n\nAction: failed\nStatus: 5.x\nFinal-Recipient: ;;\\x{FFFFFF}\\x{D800}\n",
    b"Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/feedback-report\n\n\xff: \n--x--\n",
]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("raw", ODD, ids=lambda raw: repr(raw[:40]))
def test_an_odd_mail_is_taken_everywhere(sent, raw, account):
    account.domains.create(name="shop.example", verified_at=timezone.now())
    paths = (return_path(sent()), f"reply+1-x@{HOST}", f"reply@{HOST}", f"abuse@{HOST}", f"dmarc@{HOST}")
    for number, path in enumerate(paths):
        for sender in ("", "a@x.example", "\udc80", "<>"):
            inbound.take(sender=sender, recipient=path, raw=raw, now=timezone.now())
        assert IncomingMail.objects.count() == number + 1


@pytest.mark.django_db
def test_of_a_large_mail_the_beginning_is_kept(sent):
    path = return_path(sent())
    inbound.take(
        sender="a@x.example", recipient=path, raw=b"Subject: x\n\n" + b"a" * 50_000_000, now=timezone.now()
    )
    assert len(bytes(IncomingMail.objects.get().raw)) == 1024 * 1024


FRAGMENTS = st.sampled_from(
    [
        *(
            "From: a@b.example\n",
            "Subject: x\n",
            "Content-Type: multipart/report; boundary=b\n",
            "\n",
            "--b\n",
            "--b--\n",
        ),
        *(
            "Content-Type: message/delivery-status\n",
            "Action: failed\n",
            "Status: 5.1.1\n",
            "Diagnostic-Code: smtp; 5\n",
        ),
        *(
            "Content-Type: message/feedback-report\n",
            "Feedback-Type: abuse\n",
            "Final-Recipient: rfc822;a@b\n",
        ),
        *(
            "Content-Transfer-Encoding: base64\n",
            "\0",
            "\udcff",
            "é",
            " ",
            "X-Failed-Recipients: a@b.example\n",
        ),
        *("This is a permanent error\n", "did not reach the following recipient(s):\n", "<a@b.example>:\n"),
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(FRAGMENTS, st.text(max_size=20)), max_size=30))
def test_no_arrangement_of_fragments_raises(fragments):
    tamed = bounds.tame("".join(fragments).encode("utf-8", "replace"))
    read, fields = received.read(tamed), Fields(tamed)
    bounces.told(tamed, read, fields)
    for mailbox in Mailbox:
        sorting.sort(mailbox, "", sorting.Content(tamed=tamed, received=read, fields=fields))
    assert fields.author() in ("", "a@b.example") or "@" in fields.author()
    assert fields.written_at(timezone.now()).tzinfo


@pytest.mark.django_db
def test_nothing_of_what_comes_in_reaches_a_log(sent, caplog):
    caplog.set_level(logging.DEBUG)
    mail = sent()
    for raw in (messages.dsn(messages.failed()), messages.complaint("X: ann@x.example\n\n")):
        inbound.take(
            sender="ann@x.example", recipient=return_path(mail), raw=raw.encode(), now=timezone.now()
        )
    inbound.take(sender="", recipient=f"ann@{HOST}", raw=b"Subject: secret\n\nsecret", now=timezone.now())
    ours = [
        record
        for record in caplog.records
        if record.name.startswith(("spooling", "earwig", "stats", "flufl"))
    ]
    told = " ".join(f"{record.getMessage()} {record.__dict__}" for record in ours)
    assert "ann@x.example" not in told and "secret" not in told and "ann@" not in told
