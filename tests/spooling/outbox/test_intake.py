import functools
from datetime import timedelta

import pytest
from django.utils import timezone

from earwig.models import Account
from spooling import errors, ledger
from spooling.models import Attachment, Backlog, Content, ContentFile, Mail, Spooler, Submission
from spooling.outbox import intake

pytestmark = pytest.mark.django_db


def test_every_accepted_mail_is_a_waiting_row_in_order(spool):
    accepted = spool("a@gmail.com", "b@x.example", "c@x.example")

    rows = list(Mail.objects.order_by("id"))
    assert [row.public_id for row in rows] == [mail.public_id for mail in accepted]
    assert [row.pk for row in rows] == [mail.id for mail in accepted]
    assert [row.email for row in rows] == ["a@gmail.com", "b@x.example", "c@x.example"]
    assert [row.provider for row in rows] == ["gmail", "other", "other"]
    assert {row.state for row in rows} == {"waiting"}
    assert rows[1].variables == {"name": "b@x.example", "order": "1"}
    assert Content.objects.count() == Submission.objects.count() == 1


def test_two_sends_of_one_call_keep_their_own_content(account):
    sends = [
        intake.NewSend(
            content=intake.NewContent(from_email="a@x.example", subject=subject),
            mails=(intake.NewMail(email=email),),
        )
        for subject, email in (("one", "1@x.example"), ("two", "2@x.example"))
    ]

    intake.accept(intake.NewSubmission(account_id=account.pk, wire="native"), sends, now=timezone.now())

    assert dict(Mail.objects.values_list("email", "content__subject")) == {
        "1@x.example": "one",
        "2@x.example": "two",
    }


def test_mail_without_a_spooler_goes_to_the_standing_stream_of_its_lane(account, spool):
    spool("a@x.example")
    spool("b@x.example")
    spool("c@x.example", lane="bulk")

    streams = Spooler.objects.filter(type="stream", account=account)
    assert {stream.lane: Mail.objects.filter(spooler=stream).count() for stream in streams} == {
        "transactional": 2,
        "bulk": 1,
    }


def test_the_ledger_of_a_new_batch_adds_up(account, spool):
    spool("a@x.example", "b@x.example")

    figures = ledger.of_account(account.pk)
    assert figures["spooled"] == figures["waiting"] == 2
    assert ledger.adds_up(figures)


def test_a_file_is_stored_once_however_often_it_is_sent(spool):
    file = intake.NewFile(name="a.pdf", type="application/pdf", data=b"%PDF")
    inline = intake.NewFile(name="b.pdf", type="application/pdf", data=b"%PDF", cid="logo")
    content = intake.NewContent(from_email="a@x.example", files=(file, inline))

    spool("a@x.example", content=content)
    spool("b@x.example", content=content)

    assert bytes(Attachment.objects.get().data) == b"%PDF"
    names = ContentFile.objects.order_by("content", "position").values_list("position", "name", "cid")
    assert list(names) == [(0, "a.pdf", ""), (1, "b.pdf", "logo")] * 2


def test_bulk_mail_wakes_the_backlog_of_its_provider(campaign, spool):
    later = timezone.now() + timedelta(hours=1)

    spool("a@gmail.com", lane="bulk", spooler_id=campaign.pk, due_at=later)
    spool("b@gmail.com", "c@x.example", lane="bulk", spooler_id=campaign.pk)

    due = dict(Backlog.objects.values_list("provider", "next_due_at"))
    assert set(due) == {"gmail", "other"}
    assert max(due.values()) <= timezone.now()


def test_a_due_time_in_the_past_becomes_now(spool):
    now = timezone.now()

    spool("a@x.example", due_at=now - timedelta(days=3), now=now)

    assert Mail.objects.get().due_at == now


def test_an_account_over_its_limit_spools_nothing_and_the_other_goes_on(account, other_account, spool):
    Account.objects.filter(pk=account.pk).update(mails_per_day=3)
    spool("a@x.example", "b@x.example")

    with pytest.raises(errors.LimitReached):
        spool("c@x.example", "d@x.example")
    spool("c@x.example")
    spool("x@x.example", "y@x.example", of=other_account)

    assert Mail.objects.filter(account=account).count() == 3
    assert Mail.objects.filter(account=other_account).count() == 2


NESTED = functools.reduce(lambda inner, _: {"in": inner}, range(280), 1)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"line": "a\nb\r\n"},
        {"quote": "\"'\\", "é": "日本語 \u2028"},
        {"wide": 2**80, "half": 0.5, "no": None},
        NESTED,
    ],
)
def test_the_variables_of_each_mail_are_kept_as_they_are(account, variables):
    mails = [intake.NewMail(email="a@x.example", variables=variables), intake.NewMail(email="b@x.example")]

    _accept(account, mails)

    kept = dict(Mail.objects.values_list("email", "variables"))
    assert kept == {"a@x.example": variables, "b@x.example": {}}


def test_names_may_hold_whatever_separates_them(account):
    names = ["", "a\nb", 'Ann "A" \\ <a>', "{x,y}", "Zoë\t,"]
    mails = [intake.NewMail(email=f"{n}@x.example", name=name) for n, name in enumerate(names)]

    _accept(account, mails)

    assert list(Mail.objects.order_by("id").values_list("name", flat=True)) == names


def test_mails_with_and_without_an_attempt_keep_their_own(account):
    attempts = [None, 7, None, 8]
    mails = [intake.NewMail(email=f"{n}@x.example", attempt_id=id_) for n, id_ in enumerate(attempts)]

    _accept(account, mails)

    assert list(Mail.objects.order_by("id").values_list("attempt_id", flat=True)) == attempts


def _accept(account, mails):
    send = intake.NewSend(content=intake.NewContent(from_email="a@x.example"), mails=tuple(mails))
    intake.accept(intake.NewSubmission(account_id=account.pk, wire="native"), [send], now=timezone.now())
