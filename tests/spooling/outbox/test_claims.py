import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from spooling import hosts, ledger, spoolers
from spooling.models import Claim, Mail
from spooling.outbox import claims, settlements
from spooling.outbox.values import Order, Result
from stats.models import Event

pytestmark = pytest.mark.django_db


def order(spooler=None, **changes):
    fields = {
        "lane": "bulk" if spooler else "transactional",
        "provider": "other",
        "worker": hosts.new_worker(),
        "size": 500,
        "lease_seconds": 60,
        "spooler_id": spooler.pk if spooler else None,
    }
    return Order(**fields | changes)


def test_a_claim_takes_the_oldest_due_mails_and_no_more_than_its_size(spool):
    now = timezone.now()
    for minutes in (1, 3, 2):
        spool(f"{minutes}@x.example", now=now - timedelta(minutes=minutes))
    spool("later@x.example", due_at=now + timedelta(minutes=5))

    batch = claims.claim(order(size=2), now=now)

    assert sorted(mail.email for mail in batch.mails) == ["2@x.example", "3@x.example"]
    assert Mail.objects.filter(state="sending", claim_id=batch.claim_id).count() == 2
    rest = claims.claim(order(), now=now)
    assert [mail.email for mail in rest.mails] == ["1@x.example"]
    assert claims.claim(order(), now=now) is None


def test_a_claim_that_finds_nothing_leaves_no_row(db):
    assert claims.claim(order(), now=timezone.now()) is None
    assert not Claim.objects.exists()


def test_a_lane_claim_passes_halted_spoolers_over(account, spool):
    held = spoolers.open_campaign(account, name="held", lane="transactional", now=timezone.now())
    spool("held@x.example", spooler_id=held.pk)
    spool("free@x.example")

    batch = claims.claim(order(halted=(held.pk,)), now=timezone.now())

    assert [mail.email for mail in batch.mails] == ["free@x.example"]


def test_a_claim_stays_within_its_spooler_and_provider(account, campaign, spool):
    other = spoolers.open_campaign(account, name="other", now=timezone.now())
    spool("a@gmail.com", "b@x.example", lane="bulk", spooler_id=campaign.pk)
    spool("c@x.example", lane="bulk", spooler_id=other.pk)

    batch = claims.claim(order(campaign), now=timezone.now())

    assert [mail.email for mail in batch.mails] == ["b@x.example"]


def settle(batch, state, kind, **fields):
    results = [Result(mail.id, batch.claim_id, state, kind, **fields) for mail in batch.mails]
    return settlements.settle(results, router_id=None, router_name="way out", now=timezone.now())


def test_settling_moves_rows_and_appends_events_and_increments(account, spool):
    spool("a@X.Example", "b@x.example")
    batch = claims.claim(order(), now=timezone.now())

    assert settle(batch, "delivered", "delivered", code=250, reply="2.0.0 queued", tries=1) == 2
    claims.close([batch.claim_id])

    mail = Mail.objects.order_by("id").first()
    assert (mail.state, mail.tries, mail.last_code, mail.last_reply) == ("delivered", 1, 250, "2.0.0 queued")
    assert mail.ended_at is not None and mail.claim_id is None
    event = Event.objects.exclude(kind="spooled").get(mail_id=mail.pk)
    assert (event.kind, event.destination, event.router) == ("delivered", "x.example", "way out")
    assert event.detail == {"code": 250, "reply": "2.0.0 queued"}
    figures = ledger.of_account(account.pk)
    assert figures["delivered"] == figures["spooled"] == 2 and ledger.adds_up(figures)
    assert not Claim.objects.exists()


def test_a_refusal_tells_what_it_answered_to(spool):
    spool("a@x.example")
    settle(claims.claim(order(), now=timezone.now()), "failed", "failed", code=550, reply="no", stage="rcpt")
    event = Event.objects.get(kind="failed")
    assert event.detail == {"code": 550, "reply": "no", "stage": "rcpt"}


def test_results_of_a_claim_that_was_taken_away_change_nothing(account, spool):
    spool("a@x.example")
    batch = claims.claim(order(), now=timezone.now())
    settle(batch, "waiting", "")
    again = claims.claim(order(), now=timezone.now())

    assert settle(batch, "delivered", "delivered", code=250, reply="late") == 0

    mail = Mail.objects.get()
    assert (mail.state, mail.claim_id) == ("sending", again.claim_id)
    assert not Event.objects.exclude(kind="spooled").exists()
    assert ledger.of_account(account.pk)["sending"] == 1


def test_a_claim_with_mails_in_hand_is_not_closed(spool):
    spool("a@x.example")
    batch = claims.claim(order(), now=timezone.now())

    claims.close([batch.claim_id])

    assert Claim.objects.filter(pk=batch.claim_id).exists()


def test_the_first_temporary_failure_sets_the_horizon_and_later_ones_keep_it(spool):
    spool("a@x.example")
    first, second = timezone.now() + timedelta(hours=24), timezone.now() + timedelta(hours=30)
    for horizon in (first, second):
        batch = claims.claim(order(), now=timezone.now())
        settle(batch, "waiting", "tempfail", code=451, reply="later", tries=1, give_up_at=horizon)

    mail = Mail.objects.get()
    assert (mail.give_up_at, mail.tries, mail.state) == (first, 2, "waiting")


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_parallel_claims_share_the_mails_and_none_gets_one_twice(campaign, spool):
    spool(*(f"{n}@x.example" for n in range(400)), lane="bulk", spooler_id=campaign.pk)
    got, lock = [], threading.Lock()

    def work():
        try:
            while batch := claims.claim(order(campaign, size=30), now=timezone.now()):
                with lock:
                    got.extend(mail.id for mail in batch.mails)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == len(set(got)) == 400
    assert ledger.of_spooler(campaign.pk)["sending"] == 400
