"""Staff, and a little of stage-based messaging in two accounts."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from spooling.models import MessageSet, Schedule, Subscription

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def schedule(account):
    return Schedule.objects.create(account=account, minute="0", hour="8")


@pytest.fixture
def foreign_schedule(other_account):
    return Schedule.objects.create(account=other_account, minute="30", hour="9")


@pytest.fixture
def next_set(account, schedule):
    return MessageSet.objects.create(account=account, short_name="later", default_schedule=schedule)


@pytest.fixture
def message_set(account, schedule, next_set):
    row = MessageSet.objects.create(
        account=account,
        short_name="first",
        label="First weeks",
        default_schedule=schedule,
        next_set=next_set,
    )
    for number in (1, 2, 3):
        row.messages.create(sequence_number=number, lang="eng_ZA", text_content=f"Message <{number}>")
    row.messages.create(sequence_number=1, lang="zul_ZA", text_content="Siyakwamukela")
    return row


@pytest.fixture
def subscribe(account, message_set):
    """Call to subscribe an identity to the set, as its schedule goes."""

    def call(identity="ada@example.net", **fields):
        given = {"messageset": message_set, "schedule": message_set.default_schedule, "lang": "eng_ZA"}
        return Subscription.objects.create(
            account=account, identity=identity, created_at=BEGAN, **given | fields
        )

    return call


@pytest.fixture
def subscription(subscribe):
    return subscribe()


def url(model, what, *args):
    return reverse(f"admin:spooling_{model}_{what}", args=args)


def page(client, model, what, *args, **query):
    answer = client.get(url(model, what, *args), query)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def shown(client):
    """Call with a model's name, what is asked of its admin and arguments; answers the page's text."""
    return lambda model, what, *args, **query: page(client, model, what, *args, **query)


@pytest.fixture
def confirm(client):
    """Call to submit a dialog; answers the response."""

    def call(model, what, *args, **fields):
        return client.post(url(model, what, *args), {"_form_submitted": "True", **fields})

    return call


@pytest.fixture
def questions(client):
    """Call with a page's path; answers how many queries it costs."""

    def call(path):
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path).status_code == 200
        return len(asked)

    return call
