"""When campaigns end, and who may still change them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from spooling import errors, hosts, spoolers
from spooling.models import Backlog, Spooler
from spooling.outbox import claims, settlements
from spooling.outbox.values import Order, Result

pytestmark = pytest.mark.django_db


@pytest.fixture
def opened(account):
    return spoolers.open_campaign(account, name="spring", now=timezone.now())


def _deliver(spooler):
    order = Order(
        lane=spooler.lane,
        provider="other",
        worker=hosts.new_worker(),
        size=9,
        lease_seconds=60,
        spooler_id=spooler.pk if spooler.lane == "bulk" else None,
    )
    batch = claims.claim(order, now=timezone.now())
    results = [Result(mail.id, batch.claim_id, "delivered", "delivered") for mail in batch.mails]
    settlements.settle(results, router_id=None, router_name="", now=timezone.now())


def _end():
    Backlog.objects.update(next_due_at=None)
    return spoolers.end_done(now=timezone.now())


def test_a_bulk_campaign_ends_when_its_last_mail_is_settled(opened, spool):
    spool("a@x.example", "b@x.example", spooler_id=opened.pk, lane="bulk")
    spoolers.ready(opened, now=timezone.now())
    assert _end() == 0
    _deliver(opened)
    assert _end() == 1
    opened.refresh_from_db()
    assert opened.state == "finished" and opened.ended_at is not None


@pytest.mark.parametrize("lane", ["bulk", "transactional"])
def test_a_campaign_that_is_finished_ends_at_once_where_nothing_waits(account, lane):
    spooler = spoolers.open_campaign(account, lane=lane, now=timezone.now())
    spoolers.ready(spooler, now=timezone.now())
    assert _end() == 0, "nothing was ever added"
    spoolers.finish(spooler, now=timezone.now())
    assert (spooler.state, spooler.ended_at is None) == ("finished", False)


def test_a_finished_campaign_ends_when_what_waited_has_left(opened, spool):
    spool("a@x.example", spooler_id=opened.pk, lane="bulk")
    spoolers.ready(opened, now=timezone.now())
    spoolers.finish(opened, now=timezone.now())
    assert opened.ended_at is None
    assert _end() == 0
    _deliver(opened)
    assert _end() == 1
    opened.refresh_from_db()
    assert opened.ended_at is not None


def test_a_campaign_that_is_fed_while_it_runs_stays_open(opened, spool):
    spoolers.ready(opened, now=timezone.now())
    spool("a@x.example", spooler_id=opened.pk, lane="bulk", now=timezone.now())
    _deliver(opened)
    assert _end() == 0
    spoolers.finish(opened, now=timezone.now())
    assert opened.ended_at is not None


def test_a_transactional_campaign_never_ends_by_itself(account, spool):
    spooler = spoolers.open_campaign(account, lane="transactional", now=timezone.now())
    spool("a@x.example", spooler_id=spooler.pk, lane="transactional")
    spoolers.ready(spooler, now=timezone.now())
    _deliver(spooler)
    assert _end() == 0


def test_a_campaign_that_has_not_started_does_not_end(opened, spool):
    opened.start_at = timezone.now() + timedelta(days=1)
    opened.save()
    spool("a@x.example", spooler_id=opened.pk, lane="bulk")
    spoolers.ready(opened, now=timezone.now())
    _deliver(opened)
    assert _end() == 0


@pytest.mark.parametrize("verb", [spoolers.ready, spoolers.pause, spoolers.finish, spoolers.cancel])
def test_what_has_ended_stays_as_it_is(opened, verb):
    spoolers.ready(opened, now=timezone.now())
    spoolers.finish(opened, now=timezone.now())
    with pytest.raises(errors.SpoolerStateConflict):
        verb(opened, now=timezone.now())


def test_a_campaign_that_takes_no_more_mail_takes_none_after_a_pause_either(opened, spool):
    spool("a@x.example", spooler_id=opened.pk, lane="bulk")
    spoolers.ready(opened, now=timezone.now())
    spoolers.finish(opened, now=timezone.now())
    spoolers.pause(opened, now=timezone.now())
    assert not opened.takes_mail

    spoolers.ready(opened, now=timezone.now())

    assert (opened.state, opened.takes_mail) == ("finished", False)


def test_a_paused_campaign_can_be_closed_and_sends_nothing_before_it_is_resumed(opened, spool):
    spool("a@x.example", spooler_id=opened.pk, lane="bulk")
    spoolers.ready(opened, now=timezone.now())
    spoolers.pause(opened, now=timezone.now())

    spoolers.finish(opened, now=timezone.now())

    assert (opened.state, opened.takes_mail) == ("paused", False)
    assert Spooler.objects.halted(timezone.now()).get() == opened
    with pytest.raises(errors.SpoolerStateConflict):
        spoolers.finish(opened, now=timezone.now())
    spoolers.ready(opened, now=timezone.now())
    assert opened.state == "finished"


def test_a_campaign_that_is_still_filled_is_not_let_go_by_finishing_it(opened):
    with pytest.raises(errors.SpoolerStateConflict):
        spoolers.finish(opened, now=timezone.now())
    opened.refresh_from_db()
    assert opened.state == "pending"


def test_a_campaign_whose_time_has_passed_is_not_let_go(opened):
    opened.not_after = timezone.now() - timedelta(minutes=1)
    opened.save()
    with pytest.raises(errors.SpoolerStale):
        spoolers.ready(opened, now=timezone.now())
