"""A receiver on loopback, webhooks that lead to it, and turns that a test waits for."""

import json

import pytest
from django.utils import timezone

from spooling.webhooks import turns
from stats import webhooks
from tests import event_horizon, http_servers


@pytest.fixture(autouse=True)
def _loopback(settings):
    settings.EARWIG_ALLOW_PRIVATE_TARGETS = ["127.0.0.0/8"]
    settings.WEBHOOK_SECONDS = 5.0


@pytest.fixture
def receiver():
    with http_servers.serving() as running:
        yield running


@pytest.fixture
def hook(account, receiver):
    """Call with what differs from a native webhook of `account` to the receiver; answers it."""

    def make(of=None, path="/hook", **wanted):
        event_horizon.wait()
        wanted = {"url": f"{receiver.url}{path}", **wanted}
        made, secret = webhooks.create((of or account).pk, webhooks.Wanted(**wanted), now=timezone.now())
        made.secret = secret
        return made

    return make


@pytest.fixture
def tell():
    """Begin what is due at that moment and wait until it is over; how many turns there were."""

    def work(now=None):
        event_horizon.wait()
        begun = turns.start_due(now=now or timezone.now())
        turns.wait()
        return begun

    return work


@pytest.fixture
def told(receiver):
    """The events that the receiver was told, in the order in which they came."""

    def read():
        return [event for asked in receiver.asked for event in json.loads(asked.body)["events"]]

    return read
