"""A campaign that is being filled, and one that was launched."""

import pytest
from django.utils import timezone

from earwig import domains
from spooling import spoolers
from spooling.campaigns import launches, messages
from tests.spooling.admin_campaigns.pages import CONTENT, fill


@pytest.fixture
def domain(account):
    return domains.add(account, name="shop.example", now=timezone.now())


@pytest.fixture
def campaign(account, domain):
    """With a message, being filled."""
    spooler = spoolers.open_campaign(account, name="Spring sale", domain=domain, now=timezone.now())
    messages.write(spooler, CONTENT, now=timezone.now())
    return spooler


@pytest.fixture
def launched(campaign):
    fill(campaign, "ada@x.example", "bob@y.example")
    launches.launch(campaign, now=timezone.now())
    return campaign
