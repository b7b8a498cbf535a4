import pytest
from django.utils import timezone

from earwig import domains
from spooling import errors, spoolers
from spooling.campaigns import launches, transitions
from spooling.models import Spooler

NOW = timezone.now()


def test_a_repeated_call_that_another_one_overtook_succeeds(account):
    """Both calls read the spooler while it was filled."""
    mine = spoolers.open_campaign(account, now=NOW)
    spoolers.cancel(Spooler.objects.get(pk=mine.pk), now=NOW)
    assert mine.state == "pending"
    assert not transitions.CANCEL.make(mine, now=NOW)
    assert mine.state == "cancelled"
    with pytest.raises(errors.SpoolerStateConflict):
        transitions.PAUSE.make(mine, now=NOW)


def test_nothing_is_launched_from_a_deleted_domain(account):
    shop = domains.add(account, name="shop.example", now=NOW)
    campaign = spoolers.open_campaign(account, domain=shop, now=NOW)
    domains.remove(shop, now=NOW)
    with pytest.raises(errors.DomainRemoved):
        launches.launch(campaign, now=NOW)
    campaign.refresh_from_db()
    assert campaign.state == "pending"
