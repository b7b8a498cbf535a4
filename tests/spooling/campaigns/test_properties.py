import threading

import pytest
from django.db import connection, transaction
from django.utils import timezone

from earwig import domains
from spooling import errors, spoolers
from spooling.campaigns import domains as sending_domains
from spooling.campaigns import locks, properties
from spooling.models import Spooler
from spooling.models.spoolers import Lane, SpoolerState

NOW = timezone.now()


@pytest.fixture
def campaign(account):
    return spoolers.open_campaign(account, lane=Lane.TRANSACTIONAL, now=NOW)


def test_only_what_is_given_changes(campaign):
    properties.change(campaign, name="Promotion", tags=["a"])
    properties.change(campaign, headers={"X-A": "1"})
    stored = Spooler.objects.get(pk=campaign.pk)
    for row in (campaign, stored):
        assert (row.name, row.tags, row.headers, row.variables) == ("Promotion", ["a"], {"X-A": "1"}, {})


def test_nothing_changes_once_it_was_ready(campaign):
    properties.change(campaign, name="before")
    spoolers.ready(campaign, now=NOW)
    with pytest.raises(errors.SpoolerLocked):
        properties.change(campaign, name="after")
    assert Spooler.objects.get(pk=campaign.pk).name == "before"


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_a_change_during_a_launch_comes_after_it_and_is_refused(campaign):
    refused = []

    def change():
        try:
            properties.change(Spooler.objects.get(pk=campaign.pk), name="late")
        except errors.SpoolerLocked:
            refused.append(True)
        connection.close()

    thread = threading.Thread(target=change)
    with transaction.atomic():
        held = locks.being_filled(campaign)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive(), "it waits for the launch"
        spoolers.ready(held, now=NOW)
    thread.join()
    assert refused
    assert Spooler.objects.get(pk=campaign.pk).name == ""


@pytest.mark.parametrize(
    ("state", "ended_at", "holds"),
    [
        (SpoolerState.PENDING, None, False),
        (SpoolerState.READY, None, True),
        (SpoolerState.PAUSED, None, True),
        (SpoolerState.FINISHED, None, True),
        (SpoolerState.FINISHED, NOW, False),
        (SpoolerState.CANCELLED, NOW, False),
    ],
)
def test_a_domain_is_given_up_unless_a_campaign_sends_from_it(account, state, ended_at, holds):
    domain = domains.add(account, name="acme.example", now=NOW)
    Spooler.objects.create(account=account, domain=domain, state=state, ended_at=ended_at)
    spoolers.of_drafts(account.pk, domain.pk)
    if holds:
        with pytest.raises(errors.InUse):
            sending_domains.remove(domain, now=NOW)
    else:
        sending_domains.remove(domain, now=NOW)
    assert (domains.find(account.pk, "acme.example") is not None) is holds
