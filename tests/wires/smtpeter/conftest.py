"""The fixture of the acceptance scenarios: an account with example.com approved, and a stranger's."""

import pytest
from django.utils import timezone

from earwig import accounts, domains
from spooling import routers
from spooling.models import Router
from tests import smtp_servers
from tests.wires.smtpeter.clients import Caller

NOW = timezone.now()


@pytest.fixture
def program():
    return Caller


@pytest.fixture
def owner(acme):
    return acme


@pytest.fixture
def acme(db):
    return opened("acme", "example.com")


@pytest.fixture
def rival(db):
    return opened("rival", "rival.example")


def opened(slug, domain):
    """An account with one approved domain."""
    account = accounts.open_account(slug, name=slug.title(), email="", password="", now=NOW)
    row = domains.add(account, name=domain, now=NOW)
    row.verified_at = NOW
    row.save(update_fields=["verified_at"])
    return account


@pytest.fixture
def server(db):
    """Where the installation's mail leaves to."""
    with smtp_servers.Server() as running:
        Router.objects.create(name="test", default=True, host="127.0.0.1", port=running.port, tls="none")
        routers._table = None
        yield running
    routers._table = None
