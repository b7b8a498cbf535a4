from datetime import timedelta

import pytest
from django.utils import timezone

from earwig.models import Account
from spooling import errors, hosts, ledger, spoolers
from spooling.models import Backlog, Mail, Spooler
from spooling.outbox import claims, moves, settlements, sweeps
from spooling.outbox.values import Order, Result
from stats.models import Event
from tests import outbox_states

pytestmark = pytest.mark.django_db


def end(state, kind=""):
    """Claim everything due on the transactional lane and settle it so."""
    order = Order(
        lane="transactional", provider="other", worker=hosts.new_worker(), size=500, lease_seconds=60
    )
    batch = claims.claim(order, now=timezone.now())
    results = [Result(mail.id, batch.claim_id, state, kind or state, 0, "so") for mail in batch.mails]
    settlements.settle(results, router_id=None, router_name="", now=timezone.now())
    claims.close([batch.claim_id])


def test_a_waiting_mail_can_be_cancelled_once(account, spool):
    spool("a@x.example")
    mail = Mail.objects.get()

    moves.cancel(mail, now=timezone.now())
    with pytest.raises(errors.MailHasLeft):
        moves.cancel(mail, now=timezone.now())

    mail.refresh_from_db()
    assert mail.state == "cancelled" and mail.ended_at
    assert Event.objects.exclude(kind="spooled").get().kind == "cancelled"
    assert ledger.of_account(account.pk)["cancelled"] == 1


def test_a_mail_that_has_left_cannot_be_cancelled(spool):
    spool("a@x.example")
    end("delivered")

    with pytest.raises(errors.MailHasLeft):
        moves.cancel(Mail.objects.get(), now=timezone.now())

    assert Mail.objects.get().state == "delivered"


@pytest.mark.parametrize("state", ["failed", "quarantined", "in_doubt"])
def test_what_failed_was_held_or_is_in_doubt_can_be_retried(account, spool, state):
    spool("a@x.example")
    end(state)

    assert moves.retry(Mail.objects.all(), why="asked", now=timezone.now()) == 1

    mail = Mail.objects.get()
    assert (mail.state, mail.tries, mail.ended_at) == ("waiting", 0, None)
    assert Event.objects.order_by("id").last().kind == "requeued"
    assert ledger.adds_up(ledger.of_account(account.pk))


def test_delivered_mail_is_not_retried(spool):
    spool("a@x.example")
    end("delivered")

    assert moves.retry(Mail.objects.all(), why="asked", now=timezone.now()) == 0


@pytest.mark.parametrize(("policy", "state"), [("resend", "waiting"), ("hold", "quarantined")])
def test_mail_in_doubt_follows_its_accounts_policy(account, spool, policy, state):
    Account.objects.filter(pk=account.pk).update(in_doubt_transactional=policy)
    spool("a@x.example")
    end("in_doubt")

    assert sweeps.resolve_doubts(now=timezone.now()) == 1

    assert Mail.objects.get().state == state
    assert [event.kind for event in Event.objects.order_by("id")][:2] == ["spooled", "in_doubt"]


def test_mail_in_doubt_again_and_again_waits_longer_and_is_held_at_its_horizon(spool):
    now = timezone.now()
    spool("a@x.example")
    outbox_states.put(state="in_doubt", tries=1)
    sweeps.resolve_doubts(now=now)
    first = Mail.objects.get()
    assert (first.state, first.due_at, first.tries) == ("waiting", now, 1) and first.give_up_at > now

    outbox_states.put(state="in_doubt", tries=2)
    sweeps.resolve_doubts(now=now)
    second = Mail.objects.get()
    assert second.due_at > now + timedelta(minutes=3) and second.give_up_at == first.give_up_at

    outbox_states.put(state="in_doubt", tries=3)
    sweeps.resolve_doubts(now=first.give_up_at)
    assert Mail.objects.get().state == "quarantined"


def test_mail_past_its_time_expires_though_nobody_claims_it(account, spool):
    now = timezone.now()
    spool("a@x.example", not_after=now + timedelta(hours=1), due_at=now + timedelta(hours=2))
    spool("b@x.example", not_after=now + timedelta(hours=9))

    sweeps.expire(now=now + timedelta(hours=3))

    assert dict(Mail.objects.values_list("email", "state")) == {
        "a@x.example": "expired",
        "b@x.example": "waiting",
    }
    assert ledger.of_account(account.pk)["expired"] == 1


def test_the_rows_of_a_cancelled_spooler_follow_it(campaign, spool):
    spool("a@x.example", "b@gmail.com", lane="bulk", spooler_id=campaign.pk)
    spoolers.cancel(campaign, now=timezone.now())
    assert set(Mail.objects.values_list("state", flat=True)) == {"waiting"}

    sweeps.cancel_rows(now=timezone.now())

    assert set(Mail.objects.values_list("state", flat=True)) == {"cancelled"}
    assert Spooler.objects.get(pk=campaign.pk).swept_at is not None
    assert ledger.recount(campaign.pk) == ledger.of_spooler(campaign.pk)


def test_a_backlog_that_missed_its_mail_is_woken(campaign, spool):
    spool("a@x.example", lane="bulk", spooler_id=campaign.pk)
    Backlog.objects.update(next_due_at=None)

    assert sweeps.wake_backlogs(since=timezone.now() - timedelta(hours=1), now=timezone.now()) == 1

    assert Backlog.objects.get().next_due_at <= timezone.now()


def test_an_empty_backlog_is_left_asleep(campaign):
    Backlog.objects.create(spooler=campaign, provider="other")

    assert sweeps.wake_backlogs(since=timezone.now() - timedelta(hours=1), now=timezone.now()) == 0


def test_mail_of_a_cancelled_spooler_is_not_retried(campaign, spool):
    spool("a@x.example", lane="bulk", spooler_id=campaign.pk)
    outbox_states.put(state="failed")
    spoolers.cancel(campaign, now=timezone.now())

    assert moves.retry(Mail.objects.all(), why="asked", now=timezone.now()) == 0
