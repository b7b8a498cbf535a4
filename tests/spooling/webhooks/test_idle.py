"""Webhooks that have nothing to be told cost next to nothing, however many there are."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from earwig.models import Account
from spooling.webhooks import turns
from stats import cursors, webhook_leases
from stats.models import Event, Webhook
from tests import event_horizon

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def idle(account):
    """Call with a number to make so many accounts with a webhook each to which nothing happens."""

    def make(count):
        accounts = Account.objects.bulk_create(
            Account(slug=f"idle-{count}-{n}", name="Idle") for n in range(count)
        )
        end = cursors.horizon()
        Webhook.objects.bulk_create(
            Webhook(
                account_id=each.pk,
                url="http://127.0.0.1:1/",
                secret_sealed="x",
                verified_at=timezone.now(),
                transaction=end.transaction,
                event_id=end.event_id,
                next_try_at=timezone.now(),
            )
            for each in accounts
        )

    return make


def queries_of_a_look():
    with CaptureQueriesContext(connection) as asked:
        assert turns.start_due(now=timezone.now()) == 0
    return len(asked)


def due():
    event_horizon.wait()
    return list(webhook_leases.due_with_news(now=timezone.now()))


def test_a_look_asks_no_more_of_many_idle_ones_than_of_one(idle, spool):
    spool("a@x.example")
    event_horizon.wait()
    idle(1)
    of_one = queries_of_a_look()
    idle(50)
    assert queries_of_a_look() == of_one <= 5


def test_among_idle_ones_that_with_news_is_found(idle, hook, spool, tell, told):
    idle(20)
    webhook = hook()
    spool("a@x.example")
    assert due() == [webhook] and tell() == 1 and len(told()) == 1
    assert due() == [] and tell() == 0


def test_it_has_news_as_long_as_one_event_of_a_transaction_is_left(hook, spool):
    webhook = hook()
    with transaction.atomic():
        spool("a@x.example", "b@x.example", "c@x.example")
    first, second, third = Event.objects.order_by("transaction", "id")
    for event, left in ((first, [webhook]), (second, [webhook]), (third, [])):
        position = cursors.behind(event)
        Webhook.objects.update(transaction=position.transaction, event_id=position.event_id)
        assert due() == left


def test_what_may_still_have_company_is_no_news(hook, spool):
    hook()
    with event_horizon.held_open(lambda: spool("late@x.example")):
        assert list(webhook_leases.due_with_news(now=timezone.now())) == []
    assert len(due()) == 1


def test_one_that_is_not_proven_yet_has_its_turn_without_news(hook):
    webhook = hook()
    Webhook.objects.update(verified_at=None)
    assert due() == [webhook]


@pytest.mark.postgresql
def test_a_silent_account_costs_no_look_at_the_events_of_others(hook):
    hook()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = webhook_leases.due_with_news(now=timezone.now()).explain()
    assert "event_of_account" in plan and "event_in_order" not in plan
