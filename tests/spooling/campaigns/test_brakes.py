"""Campaigns of which too much goes wrong are stopped, by the ledger alone."""

import logging
from datetime import timedelta

import pytest
from django.utils import timezone

from earwig.models import AuditEntry
from spooling import control, ledger, spoolers
from spooling.campaigns import brakes
from spooling.models import LedgerDelta, Spooler
from stats.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def resumed_long_ago(campaign):
    Spooler.objects.update(resumed_at=timezone.now() - timedelta(days=1))
    campaign.refresh_from_db()


def note(spooler, *, at=None, **figures):
    """What some transactions did to the ledger of the campaign."""
    at = at or timezone.now() - timedelta(seconds=2)
    waiting = -figures.get("delivered", 0) - figures.get("failed", 0)
    LedgerDelta.objects.create(spooler=spooler, account=spooler.account, at=at, waiting=waiting, **figures)


def paused(spooler):
    spooler.refresh_from_db()
    return (spooler.state, spooler.paused_because)


@pytest.mark.parametrize(
    ("figures", "because"),
    [
        ({"delivered": 160, "failed": 40}, "failures"),
        ({"delivered": 161, "failed": 39}, ""),
        ({"delivered": 100, "failed": 99}, ""),
        ({"delivered": 80, "deferrals": 120}, "deferrals"),
        ({"delivered": 81, "deferrals": 119}, ""),
        ({"deferrals": 199}, ""),
    ],
)
def test_a_campaign_is_paused_from_its_account_s_limits_on(campaign, figures, because):
    note(campaign, **figures)
    assert brakes.apply(now=timezone.now()) == bool(because)
    assert paused(campaign) == ("paused" if because else "ready", because)


def test_the_control_tick_brakes_says_so_in_trail_and_log_and_names_nobody(campaign, caplog):
    note(campaign, failed=200)
    with caplog.at_level(logging.WARNING):
        control.tick(now=timezone.now())
    entry = AuditEntry.objects.get(action="spooler.brake")
    assert entry.account_id == campaign.account_id and entry.detail["because"] == "failures"
    assert [record.spooler for record in caplog.records] == [campaign.pk]
    assert "@" not in caplog.text


def test_what_came_before_a_person_resumed_counts_no_more(campaign):
    note(campaign, failed=300)
    brakes.apply(now=timezone.now())
    spoolers.ready(campaign, now=timezone.now())

    assert brakes.apply(now=timezone.now()) == 0

    note(campaign, failed=200, at=timezone.now() + timedelta(seconds=1))
    assert brakes.apply(now=timezone.now() + timedelta(seconds=2)) == 1


def test_of_a_busy_campaign_the_last_minutes_decide(campaign):
    now = timezone.now()
    note(campaign, delivered=100_000, at=now - timedelta(minutes=20))
    note(campaign, delivered=150, failed=150)
    assert brakes.apply(now=now) == 1


def test_of_a_slow_campaign_the_last_hours_decide(campaign):
    now = timezone.now()
    note(campaign, delivered=50, failed=150, at=now - timedelta(hours=2))
    note(campaign, failed=1)
    assert brakes.apply(now=now) == 1


def test_what_a_retry_takes_back_hides_no_failure(campaign):
    note(campaign, failed=200)
    LedgerDelta.objects.create(
        spooler=campaign, account=campaign.account, at=timezone.now(), failed=-200, waiting=200
    )
    assert brakes.apply(now=timezone.now()) == 1


def test_an_account_without_limits_is_not_braked(campaign):
    campaign.account.brake_failed_percent = campaign.account.brake_deferred_percent = None
    campaign.account.save()
    note(campaign, failed=1000, deferrals=1000)
    assert brakes.apply(now=timezone.now()) == 0


def test_neither_streams_nor_another_account_s_campaigns_are_stopped(campaign, account, other_account):
    stream = Spooler.objects.get(pk=spoolers.stream_id(account.pk, "transactional"))
    theirs = spoolers.open_campaign(other_account, now=timezone.now())
    spoolers.ready(theirs, now=timezone.now())
    note(stream, failed=1000)
    note(campaign, failed=1000)
    assert brakes.apply(now=timezone.now()) == 1
    assert (paused(stream)[0], paused(theirs)[0]) == ("ready", "ready")


def test_truncating_the_events_changes_no_decision(campaign):
    note(campaign, failed=200)
    Event.objects.all().delete()
    assert brakes.apply(now=timezone.now()) == 1


def test_merged_increments_still_count(campaign):
    now = timezone.now()
    for second in range(3):
        note(campaign, failed=70, at=now - timedelta(minutes=3, seconds=second))
    ledger.merge(now=now)
    note(campaign, failed=1)
    assert brakes.apply(now=now) == 1
