"""Complaints that providers pass on: the mail is found, bulk mail to its recipient ends."""

import pytest

from spooling.models import Mail, Suppression
from tests import made_letters
from tests.spooling.inbound import messages
from tests.spooling.inbound.conftest import HOST, events_of, return_path

pytestmark = pytest.mark.django_db


def letter_of(mail):
    return made_letters.of(mail.pk).data.decode()


def test_a_complaint_marks_its_mail_and_ends_bulk_mail(sent, arrive):
    mail, other = sent(), sent("bob@x.example")
    row = arrive(messages.complaint(letter_of(mail)), f"fbl@{HOST}", sender="fbl@provider.example")
    assert (row.kind, row.mail_id, row.account_id) == ("complaint", mail.pk, mail.account_id)
    mail.refresh_from_db()
    other.refresh_from_db()
    assert (
        mail.complained_at and mail.state == "delivered" and not mail.bounced_at and not other.complained_at
    )
    (event,) = events_of(mail, "complaint")
    assert (event.detail, event.counts) == ({"type": "abuse"}, 1)
    (suppressed,) = Suppression.objects.all()
    assert (suppressed.address, suppressed.reason, suppressed.stream) == (
        "ann@x.example",
        "complaint",
        "bulk",
    )


def test_a_second_complaint_counts_nothing(sent, arrive):
    mail = sent()
    for kind in ("abuse", "fraud"):
        arrive(messages.complaint(letter_of(mail), kind), f"abuse@{HOST}")
    assert [event.counts for event in events_of(mail, "complaint")] == [1, 0]


@pytest.mark.parametrize(
    "shown",
    [
        lambda mail, letter: f"Message-ID: <{mail.public_id.hex}@sender.example>\nTo: [redacted]\n\n",
        lambda mail, letter: f"Return-Path: <{return_path(mail)}>\nSubject: x\n\n",
        lambda mail, letter: letter.partition("List-Unsubscribe")[1]
        + letter.partition("List-Unsubscribe")[2],
    ],
    ids=["message-id", "return path", "links"],
)
def test_the_mail_is_found_by_whatever_is_left_of_it(sent, arrive, shown):
    mail = sent(lane="bulk")
    assert arrive(messages.complaint(shown(mail, letter_of(mail))), f"abuse@{HOST}").mail_id == mail.pk


def test_the_mail_is_found_by_the_return_path_that_a_report_names(sent, arrive):
    mail = sent()
    report = messages.complaint("Subject: [redacted]\n\n", Original_Mail_From=f"<{return_path(mail)}>")
    assert arrive(report, f"abuse@{HOST}").mail_id == mail.pk
    assert arrive(messages.complaint("Subject: x\n\n"), return_path(mail)).mail_id == mail.pk


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure"])
def test_praise_is_no_complaint(sent, arrive, kind):
    mail = sent()
    assert arrive(messages.complaint(letter_of(mail), kind), f"fbl@{HOST}").kind == "notice"
    assert not Mail.objects.get(pk=mail.pk).complained_at and not Suppression.objects.exists()


def test_a_complaint_of_an_unknown_mail_is_kept_for_staff(arrive, account):
    row = arrive(messages.complaint("Subject: x\nMessage-ID: <1@other.example>\n\nHi"), f"abuse@{HOST}")
    assert (row.kind, row.mail_id, row.account_id) == ("complaint", None, None) and row.raw


def test_what_people_write_to_abuse_is_kept_for_staff(arrive, account):
    raw = messages.written("ann@x.example", f"abuse@{HOST}", subject="Spam!", text="Stop it.\n")
    row = arrive(raw, f"abuse@{HOST}", sender="ann@x.example")
    assert (row.kind, bytes(row.raw)) == ("reply", raw) and not Mail.objects.exists()
