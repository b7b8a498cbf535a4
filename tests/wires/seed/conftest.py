"""A hub with the contract's own set-up (§13), a member without rights of staff, a stranger, and workers."""

from types import SimpleNamespace

import pytest
from django.utils import timezone

from earwig import api_keys
from earwig.models.api_keys import Scope
from tests.wires.seed.clients import Hub

IDENTITY = "8646b7bc-b511-4965-a90b-e1145e398703"


@pytest.fixture
def hub(key):
    return Hub(key)


@pytest.fixture
def stranger(other_key):
    """Another account's program."""
    return Hub(other_key)


@pytest.fixture
def anonymous(db):
    return Hub(None)


@pytest.fixture
def key_with(account):
    """Call with scopes for a program that may do no more."""

    def issue(*scopes, **restrictions):
        issued = api_keys.issue(account, name="tests", scopes=scopes, now=timezone.now(), **restrictions)
        return Hub(issued.secret)

    return issue


@pytest.fixture
def reader(key_with):
    return key_with(Scope.READ)


@pytest.fixture
def identity(make_person):
    """The external id of a person that has an e-mail address."""
    make_person(IDENTITY, "ann@people.example")
    return IDENTITY


@pytest.fixture
def stage(hub, identity):
    """§13: a schedule each day at eight, a set of three messages in one language and one in another, and its next."""
    schedule = hub.schedule(minute="0", hour="8")
    following = hub.message_set("following", hub.schedule(hour="9"))
    first = hub.message_set("first", schedule, next_set=following)
    numbers = [hub.message(first, number) for number in (1, 2, 3)]
    zulu = hub.message(first, 1, "zul_ZA")
    return SimpleNamespace(
        schedule=schedule, first=first, following=following, messages=numbers, zulu=zulu, identity=identity
    )
