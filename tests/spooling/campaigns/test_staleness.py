"""Campaigns whose time has passed send nothing until a person decides."""

from datetime import timedelta

import pytest
from django.utils import timezone

from earwig.models import AuditEntry
from spooling import control, errors, spoolers
from spooling.models import Spooler
from spooling.outbox.backlogs import Backlogs

pytestmark = pytest.mark.django_db


@pytest.fixture
def late(campaign, spool):
    """A campaign of which one mail waits, and whose time passed a moment ago."""
    spool("a@x.example", lane="bulk", spooler_id=campaign.pk)
    return until(campaign, timezone.now() - timedelta(seconds=1))


def until(spooler, moment):
    spooler.not_after = moment
    spooler.save(update_fields=["not_after"])
    return spooler


def test_a_campaign_whose_time_has_passed_is_paused_with_its_reason(late):
    control.tick(now=timezone.now())
    late.refresh_from_db()
    assert (late.state, late.paused_because) == ("paused", "stale")
    assert AuditEntry.objects.filter(action="spooler.stale", account=late.account).count() == 1


def test_before_the_tick_comes_workers_let_nothing_of_it_leave(late):
    now = timezone.now()
    assert list(Spooler.objects.halted(now)) == [late]
    assert Backlogs("bulk").due(now=now) == []


def test_before_its_time_it_runs(late):
    until(late, timezone.now() + timedelta(hours=1))
    control.tick(now=timezone.now())
    late.refresh_from_db()
    assert late.state == "ready" and len(Backlogs("bulk").due(now=timezone.now())) == 1
    assert not Spooler.objects.halted(timezone.now()).exists()


def test_of_a_transactional_campaign_too_nothing_leaves(account, spool):
    spooler = spoolers.open_campaign(account, lane="transactional", now=timezone.now())
    spoolers.ready(spooler, now=timezone.now())
    spool("a@x.example", lane="transactional", spooler_id=spooler.pk)
    until(spooler, timezone.now() - timedelta(seconds=1))
    assert list(Spooler.objects.halted(timezone.now())) == [spooler]
    control.tick(now=timezone.now())
    spooler.refresh_from_db()
    assert spooler.paused_because == "stale"


def test_one_without_waiting_mail_is_left_alone(campaign):
    until(campaign, timezone.now() - timedelta(seconds=1))
    control.tick(now=timezone.now())
    campaign.refresh_from_db()
    assert campaign.state == "ready"


def test_it_goes_on_with_a_later_time_only(late):
    control.tick(now=timezone.now())
    late.refresh_from_db()
    with pytest.raises(errors.SpoolerStale):
        spoolers.ready(late, now=timezone.now())

    spoolers.ready(until(late, timezone.now() + timedelta(hours=1)), now=timezone.now())

    assert (late.state, late.paused_because) == ("ready", "")


def test_it_can_be_cancelled(late):
    control.tick(now=timezone.now())
    late.refresh_from_db()
    spoolers.cancel(late, now=timezone.now())
    assert late.state == "cancelled"


def test_what_has_ended_is_no_longer_looked_at_by_workers(campaign):
    spoolers.finish(campaign, now=timezone.now())
    until(campaign, timezone.now() - timedelta(seconds=1))
    assert campaign.ended_at and not Spooler.objects.halted(timezone.now()).exists()
