"""Campaigns that are stopped while a worker sends them, with a real server on loopback."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from earwig.models import Account
from spooling import control, ledger, spoolers
from spooling.delivery.drain import Drain
from spooling.models import Mail, Spooler
from tests.smtp_scripts import Script, say
from tests.smtp_servers import Server

pytestmark = pytest.mark.django_db(transaction=True)

NUMBER = 260


def drain(*, until=lambda: False, seconds):
    over_at = time.monotonic() + seconds
    Drain("bulk", seconds=seconds, stop=lambda: time.monotonic() > over_at or until()).run()


def undone():
    due = Mail.objects.filter(state="waiting", due_at__lte=timezone.now())
    return due.exists() or Mail.objects.filter(state="sending").exists()


def fill(spool, campaign, number=NUMBER):
    spool(*(f"p{n}@x.example" for n in range(number)), lane="bulk", spooler_id=campaign.pk)


@pytest.mark.parametrize(
    ("reply", "because"), [("554 5.7.1 no", "failures"), ("451 4.3.0 try later", "deferrals")]
)
def test_a_campaign_that_a_server_refuses_is_braked(account, campaign, spool, route_to, reply, because):
    fill(spool, campaign)
    with Server(Script(stages={"rcpt": say(reply)})) as server:
        route_to(server.port)
        drain(until=lambda: not undone(), seconds=30)
    control.tick(now=timezone.now())
    campaign.refresh_from_db()
    assert (campaign.state, campaign.paused_because) == ("paused", because)
    assert ledger.recount(campaign.pk) == ledger.of_spooler(campaign.pk)


def test_without_its_account_s_limits_it_goes_on(account, campaign, spool, route_to):
    Account.objects.update(brake_failed_percent=None)
    fill(spool, campaign)
    fill(spool, campaign, 1)
    with Server(Script(stages={"rcpt": say("554 5.7.1 no")})) as server:
        route_to(server.port)
        drain(until=lambda: not undone(), seconds=30)
    control.tick(now=timezone.now())
    campaign.refresh_from_db()
    assert campaign.paused_because == ""


@pytest.mark.parametrize("lane", ["bulk", "transactional"])
def test_nothing_leaves_of_a_campaign_whose_time_has_passed(account, spool, route_to, lane):
    spooler = spoolers.open_campaign(account, lane=lane, now=timezone.now())
    spoolers.ready(spooler, now=timezone.now())
    spool("a@x.example", lane=lane, spooler_id=spooler.pk)
    Spooler.objects.filter(pk=spooler.pk).update(not_after=timezone.now() - timedelta(seconds=1))
    with Server() as server:
        route_to(server.port)
        over_at = time.monotonic() + 1
        Drain(lane, seconds=1, stop=lambda: time.monotonic() > over_at).run()
        assert server.recipients() == [] and Mail.objects.get().state == "waiting"

        spooler.refresh_from_db()
        spooler.not_after = timezone.now() + timedelta(hours=1)
        spooler.save()
        over_at = time.monotonic() + 30
        Drain(lane, seconds=8, stop=lambda: time.monotonic() > over_at or not undone()).run()
    assert Mail.objects.get().state == "delivered"
