"""What the tests of all wires need: a program of the wire's account, a stranger's, and one without a key.

A wire says which `program` speaks it, and whose accounts `owner` and `rival` are.
"""

import pytest
from django.utils import timezone

from earwig import api_keys
from earwig.models.api_keys import Scope
from spooling import limits, spoolers


@pytest.fixture(autouse=True)
def _fresh_process():
    spoolers._streams.clear()
    limits._rooms.clear()


@pytest.fixture
def make_key():
    """Call with an account; the secret of a key of it."""

    def make(owner, scopes=Scope.values, **restrictions):
        return api_keys.issue(owner, name="tests", scopes=scopes, now=timezone.now(), **restrictions).secret

    return make


@pytest.fixture
def caller(program, client, owner, make_key):
    """A program of the account."""
    return program(client, make_key(owner))


@pytest.fixture
def stranger(program, client, rival, make_key):
    """Another account's program, which asks for the owner's things by the owner's name."""
    return program(client, make_key(rival))


@pytest.fixture
def keyless(program, client, db):
    return program(client)
