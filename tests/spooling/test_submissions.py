"""The mails of a call are found by the moment that their public ids begin with."""

from datetime import timedelta

from django.utils import timezone

from spooling import submissions
from spooling.models import Submission
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
