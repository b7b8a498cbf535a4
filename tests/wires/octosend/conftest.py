"""The fixture of the acceptance scenarios: entity “Shop SAS” with user ada and two domains, and a stranger's."""

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from earwig import accounts, domains
from earwig.models import Membership
from tests.wires.octosend.clients import Caller

NOW = timezone.now()
DEMO, NEWS, OTHER = "demo.shop.example", "news.shop.example", "other.example"


@pytest.fixture
def program():
    return Caller


@pytest.fixture
def owner(shop):
    return shop


@pytest.fixture
def shop(db):
    shop = accounts.open_account("shop", name="Shop SAS", email="", password="", now=NOW)
    user = get_user_model().objects.create_user("ada", password="s3cret")
    Membership.objects.create(user=user, account=shop)
    for name in (NEWS, DEMO):
        domains.add(shop, name=name, now=NOW)
    return shop


@pytest.fixture
def rival(db):
    rival = accounts.open_account("rival", name="Rival", email="", password="", now=NOW)
    domains.add(rival, name=OTHER, now=NOW)
    return rival


@pytest.fixture
def token(caller):
    """Of a new marketing spooler."""
    return caller.new()
