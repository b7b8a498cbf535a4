"""Clients of the handoff wire."""

import pytest

from tests.wires.handoff.clients import Application


@pytest.fixture
def program():
    return Application


@pytest.fixture
def owner(account):
    return account


@pytest.fixture
def rival(other_account):
    return other_account


@pytest.fixture
def application(caller):
    return caller
