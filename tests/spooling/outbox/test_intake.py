import functools
from datetime import timedelta

import pytest
from django.utils import timezone

from earwig.models import Account
from earwig.variables import MOST_LEVELS
from spooling import errors, ledger, spoolers
from spooling.models import Attachment, Backlog, Content, ContentFile, Mail, Pending, Spooler, Submission
from spooling.outbox import intake
from stats import events
from stats.models import Event

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


def nested(levels):
    return functools.reduce(lambda inner, _: {"in": inner}, range(levels), 1)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"line": "a\nb\r\n"},
        {"quote": "\"'\\", "é": "日本語 \u2028"},
        {"wide": 2**80, "half": 0.5, "no": None},
        nested(MOST_LEVELS),
    ],
)
def test_the_variables_of_each_mail_are_kept_as_they_are(account, variables):
    mails = [intake.NewMail(email="a@x.example", variables=variables), intake.NewMail(email="b@x.example")]

    _accept(account, mails)

    kept = dict(Mail.objects.values_list("email", "variables"))
    assert kept == {"a@x.example": variables, "b@x.example": {}}


def test_variables_beyond_the_bound_name_their_mail_and_store_none(account):
    mails = [
        intake.NewMail(email=f"{n}@x.example", variables=nested(MOST_LEVELS + (n == 3))) for n in range(5)
    ]
    with pytest.raises(errors.VariablesRefused) as refused:
        _accept(account, mails)
    assert refused.value.place == 3 and not Mail.objects.exists()


def test_the_platform_s_own_variables_have_no_bound(account):
    variables = {"deep": nested(280), "text": "x" * 300_000, "list": [1] * 20_000}
    mails = [intake.NewMail(email="a@x.example", variables=variables)]
    submission = intake.NewSubmission(account_id=account.pk, wire="native", bounded=False)
    send = intake.NewSend(content=intake.NewContent(from_email="a@x.example"), mails=tuple(mails))
    intake.accept(submission, [send], now=timezone.now())
    assert Mail.objects.get().variables == variables


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


def _store(account, mails, **send):
    submission = intake.NewSubmission(account_id=account.pk, wire="native")
    return intake.accept(submission, [intake.NewSend(mails=mails, **send)], now=timezone.now())


def test_a_suppressed_address_is_stored_as_blocked_and_never_waits(account):
    mails = (
        intake.NewMail(email="a@x.example"),
        intake.NewMail(email="b@x.example", suppressed="unsubscribe"),
    )

    accepted = _store(account, mails, content=intake.NewContent(from_email="a@x.example"))

    assert [mail.state for mail in accepted] == ["waiting", "blocked"]
    blocked = Mail.objects.get(email="b@x.example")
    assert (blocked.state, blocked.last_reply) == ("blocked", "suppressed: unsubscribe")
    assert blocked.ended_at is not None
    assert list(Pending.objects.values_list("mail__email", flat=True)) == ["a@x.example"]
    figures = ledger.of_spooler(blocked.spooler_id)
    assert (figures["spooled"], figures["waiting"], figures["blocked"]) == (2, 1, 1)
    assert figures == ledger.recount(blocked.spooler_id)
    assert [event.kind for event in events.of_mail(blocked.pk)] == ["spooled", "blocked"]
    assert events.of_mail(blocked.pk)[1].detail == {"why": "suppressed: unsubscribe"}


def test_mails_may_point_to_a_stored_content_and_have_tags_of_their_own(account):
    content = Content.objects.create(account=account, from_email="a@x.example")
    mails = (
        intake.NewMail(email="a@x.example", tags=("vip", "line\nbreak")),
        intake.NewMail(email="b@x.example"),
    )

    _store(account, mails, content_id=content.pk)

    assert Content.objects.count() == 1
    assert list(Mail.objects.order_by("id").values_list("content_id", "tags")) == [
        (content.pk, ["vip", "line\nbreak"]),
        (content.pk, None),
    ]


def test_a_new_content_keeps_all_that_it_says(account):
    base = Content.objects.create(account=account, from_email="a@x.example")
    content = intake.NewContent(
        from_email="b@x.example",
        base_id=base.pk,
        to_name="{{name}}",
        variables={"name": "Ann"},
        tracked=False,
        track_opens=True,
        track_clicks=True,
    )

    _store(account, (intake.NewMail(email="a@x.example"),), content=content)

    stored = Content.objects.exclude(pk=base.pk).get()
    assert (stored.base_id, stored.to_name, stored.variables) == (base.pk, "{{name}}", {"name": "Ann"})
    assert (stored.tracked, stored.track_opens, stored.track_clicks) == (False, True, True)


def test_drafts_leave_no_events(account):
    drafts = spoolers.of_drafts(account.pk, None)

    _store(
        account,
        (intake.NewMail(email="a@x.example", suppressed="manual"), intake.NewMail(email="b@x.example")),
        content=intake.NewContent(from_email="a@x.example"),
        spooler_id=drafts.pk,
    )

    assert not Event.objects.exists()
    assert spoolers.of_drafts(account.pk, None) == drafts


@pytest.mark.parametrize("suppressed", ["", "manual"])
def test_of_one_call_s_mails_those_that_are_no_drafts_leave_events(account, suppressed):
    drafts = spoolers.of_drafts(account.pk, None)
    content = intake.NewContent(from_email="a@x.example")
    mails = (intake.NewMail(email="a@x.example", suppressed=suppressed),)
    sends = [intake.NewSend(content=content, mails=mails, spooler_id=pk) for pk in (drafts.pk, None)]

    _, told = intake.accept(
        intake.NewSubmission(account_id=account.pk, wire="native"), sends, now=timezone.now()
    )

    kinds = ["spooled", "blocked"] if suppressed else ["spooled"]
    assert list(Event.objects.order_by("id").values_list("mail_id", "kind")) == [
        (told.id, kind) for kind in kinds
    ]


def test_several_calls_at_once_are_submissions_of_their_own(account):
    sends = [
        intake.NewSend(
            content=intake.NewContent(from_email="a@x.example", subject=f"{call}"),
            mails=(intake.NewMail(email=f"{call}-{n}@x.example"),),
            call=call,
        )
        for call, n in ((0, 1), (0, 2), (2, 1))
    ]

    accepted = intake.accept(
        intake.NewSubmission(account_id=account.pk, wire="smtp", tags=("a",)), sends, now=timezone.now()
    )

    assert [mail.email for mail in accepted] == ["0-1@x.example", "0-2@x.example", "2-1@x.example"]
    first, second, third = Mail.objects.select_related("content").order_by("id")
    assert first.submission_id == second.submission_id != third.submission_id
    assert [mail.content.subject for mail in (first, second, third)] == ["0", "0", "2"]
    assert [call.tags for call in Submission.objects.all()] == [["a"], ["a"]]
