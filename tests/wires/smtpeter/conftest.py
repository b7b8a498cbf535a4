"""The fixture of the acceptance scenarios: an account with example.com approved, and a stranger's."""

import pytest
from django.utils import timezone

from earwig import accounts, domains
from spooling import limits, routers, spoolers
from spooling.models import Router
from tests import smtp_servers
from tests.wires.smtpeter.clients import Caller

NOW = timezone.now()


@pytest.fixture(autouse=True)
def _fresh_process():
    spoolers._streams.clear()
    limits._rooms.clear()


@pytest.fixture
def acme(db):
    return opened("acme", "example.com")


@pytest.fixture
def rival(db):
    return opened("rival", "rival.example")


@pytest.fixture
def make_token(make_key):
    """Call with an account; an access token of it."""
    return make_key


@pytest.fixture
def keyless(client, db):
    return Caller(client)


@pytest.fixture
def caller(client, acme, make_token):
    """A program of the account."""
    return Caller(client, make_token(acme))


@pytest.fixture
def stranger(client, rival, make_token):
    """Another account's program."""
    return Caller(client, make_token(rival))


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
