"""The mails of a call are found by the moment that their public ids begin with."""

from datetime import timedelta

from django.utils import timezone

from spooling import submissions
from spooling.models import Mail, Submission
from spooling.outbox import intake
from spooling.outbox.drafts import NewContent, NewMail, NewSend, NewSubmission

NOW = timezone.now()


def accept(account, *emails, now=NOW):
    send = NewSend(
        content=NewContent(from_email="a@b.example", text="x"),
        mails=tuple(NewMail(email) for email in emails),
    )
    return {
        mail.id for mail in intake.accept(NewSubmission(account_id=account.pk, wire="x"), [send], now=now)
    }


def test_a_call_has_its_mails_and_no_others(account):
    first = accept(account, "a@x.example", "b@x.example")
    same_moment = accept(account, "c@x.example")
    later = accept(account, "d@x.example", now=NOW + timedelta(hours=1))
    calls = list(Submission.objects.order_by("id"))
    found = [set(submissions.mails([call]).values_list("pk", flat=True)) for call in calls]
    assert found == [first, same_moment, later]
    assert set(submissions.mails(calls).values_list("pk", flat=True)) == first | same_moment | later
    assert not submissions.mails([]).exists()


def test_of_each_call_what_one_of_its_mails_says_is_found(account):
    made = [accept(account, "a@x.example", "b@x.example"), accept(account, "c@x.example")]
    made.append(accept(account, "d@x.example", now=NOW + timedelta(hours=1)))
    calls = list(Submission.objects.order_by("id"))
    said = [Mail.objects.filter(pk__in=ids).values_list("content_id", flat=True)[0] for ids in made]
    assert submissions.contents(calls) == dict(zip([call.pk for call in calls], said, strict=True))
    Mail.objects.filter(pk__in=made[1]).delete()
    assert calls[1].pk not in submissions.contents(calls) and len(submissions.contents(calls)) == 2
    assert submissions.contents([]) == {}


def test_what_a_call_says_is_the_same_at_every_look_and_costs_one_query(account, django_assert_num_queries):
    sends = [
        NewSend(
            content=NewContent(from_email="a@b.example", subject=str(n), text="x"),
            mails=(NewMail(f"{n}@x.example"),),
        )
        for n in range(5)
    ]
    intake.accept(NewSubmission(account_id=account.pk, wire="x"), sends, now=NOW)
    accept(account, "z@x.example", now=NOW)
    calls = list(Submission.objects.all())
    with django_assert_num_queries(1):
        found = submissions.contents(calls)
    assert len(found) == 2 and found == submissions.contents(calls)
