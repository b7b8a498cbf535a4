"""A hub with the contract's own set-up (§13), a member without rights of staff, a stranger, and workers."""

from types import SimpleNamespace

import pytest
from django.utils import timezone

from earwig import api_keys
from earwig.models.api_keys import Scope
from spooling import jobs, limits, spoolers, wakeups
from spooling.models import Mail, MessageSet, Schedule, StageMessage
from spooling.stages import calls, runs
from tests.wires.seed.clients import Hub

IDENTITY = "8646b7bc-b511-4965-a90b-e1145e398703"


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch):
    """No test inherits what a process remembers, and none wakes a worker."""
    monkeypatch.setattr(wakeups, "_send", lambda lane: None)
    for remembered in (wakeups._quiet_until, limits._rooms, spoolers._streams):
        remembered.clear()


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
def stage(account, identity):
    """§13: a schedule each day at eight, a set of three messages in one language and one in another, and its next."""
    schedule, later = (_schedule(account, hour) for hour in "89")
    following = MessageSet.objects.create(account=account, short_name="following", default_schedule=later)
    first = MessageSet.objects.create(
        account=account, short_name="first", default_schedule=schedule, next_set=following
    )
    messages = [_message(first, number, "eng_ZA") for number in (1, 2, 3)]
    zulu = _message(first, 1, "zul_ZA")
    return SimpleNamespace(
        schedule=schedule.pk,
        first=first.pk,
        following=following.pk,
        messages=messages,
        zulu=zulu,
        identity=identity,
    )


def _schedule(account, hour):
    schedule = Schedule.objects.create(account=account, minute="0", hour=hour)
    runs.place(schedule, now=timezone.now())
    return schedule


def _message(message_set, number, lang):
    return StageMessage.objects.create(
        messageset=message_set, sequence_number=number, lang=lang, text_content=f"text {number}"
    ).pk


@pytest.fixture
def work():
    """Call to let the workers do all that is asked for and due now, but what waits for a later moment."""

    def call():
        while runs.tick(now=timezone.now(), seconds=10):
            pass
        for _ in range(20):
            jobs.run_due(now=timezone.now())
        while calls.work(now=timezone.now(), seconds=10):
            pass

    return call


@pytest.fixture
def texts():
    """Call for (address, text) of all mails so far."""

    def call():
        mails = Mail.objects.select_related("content").order_by("id")
        return [(mail.email, mail.content.text) for mail in mails]

    return call
