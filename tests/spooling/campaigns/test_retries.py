"""Which of a spooler's mails are retried, and that each is once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from spooling import jobs, ledger, spoolers
from spooling.campaigns import retries
from spooling.models import Mail
from spooling.outbox import moves
from tests import outbox_states

pytestmark = pytest.mark.django_db


@pytest.fixture
def ended(campaign, spool):
    """A campaign with a mail each that failed with 550 and 452, was held, is in doubt and was delivered."""
    states = ("failed", "failed", "quarantined", "in_doubt", "delivered")
    accepted = spool(*(f"{n}@x.example" for n in range(5)), lane="bulk", spooler_id=campaign.pk)
    for state, code, mail in zip(states, (550, 452, None, None, 250), accepted, strict=True):
        outbox_states.put(
            Mail.objects.filter(pk=mail.id), state=state, last_code=code, ended_at=timezone.now()
        )
    return campaign


def retry(spooler, **choice):
    job = retries.ask(spooler, now=timezone.now(), **choice)
    jobs.run_due(now=timezone.now())
    job.refresh_from_db()
    return job


def waiting():
    return [mail.email[0] for mail in Mail.objects.filter(state="waiting").order_by("id")]


@pytest.mark.parametrize(
    ("choice", "retried"),
    [
        ({}, "0123"),
        ({"states": ["failed"]}, "01"),
        ({"states": ["in_doubt", "quarantined"]}, "23"),
        ({"codes": [452]}, "1"),
        ({"states": ["failed"], "codes": [550, 452]}, "01"),
        ({"states": ["quarantined"], "codes": [550]}, ""),
    ],
)
def test_what_was_chosen_is_retried_and_nothing_else(ended, choice, retried):
    job = retry(ended, **choice)
    assert waiting() == list(retried)
    assert (job.state, job.result) == ("done", {"retried": len(retried)})


def test_a_mail_that_failed_after_the_request_is_not_retried_by_it(ended):
    Mail.objects.filter(last_code=452).update(ended_at=timezone.now() + timedelta(minutes=1))
    retry(ended, states=["failed"])
    assert waiting() == ["0"]


def test_what_is_retried_of_an_ended_campaign_can_be_paused_and_lets_it_end_again(campaign, spool):
    (accepted,) = spool("a@x.example", lane="bulk", spooler_id=campaign.pk)
    gone = moves.Move(source=moves.MailState.WAITING, target=moves.MailState.FAILED, kind="failed", why="no")
    moves.apply(gone, [accepted.id], now=timezone.now())
    spoolers.finish(campaign, now=timezone.now())
    assert campaign.ended_at is not None

    retry(campaign)

    campaign.refresh_from_db()
    assert (campaign.state, campaign.ended_at, campaign.takes_mail) == ("finished", None, False)
    spoolers.pause(campaign, now=timezone.now())
    assert ledger.of_spooler(campaign.pk)["waiting"] == 1
