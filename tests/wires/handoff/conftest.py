"""Clients of the handoff wire."""

import pytest

from tests.wires.handoff.clients import Application


@pytest.fixture
def application(client, key):
    return Application(client, key)


@pytest.fixture
def stranger(client, other_key):
    """Another account's application."""
    return Application(client, other_key)


@pytest.fixture
def keyless(client, db):
    return Application(client, None)
