"""Behind and fast-forward, with the worked values of the original's tests (Seed contract §5.6)."""

from datetime import UTC, datetime, timedelta

import pytest

from spooling import jobs
from spooling.models import BehindSubscription, Subscription
from spooling.stages import positions, requests

from .conftest import NOON

pytestmark = pytest.mark.django_db

BEGUN = datetime(2016, 11, 1, tzinfo=UTC)


@pytest.fixture
def schedule(make_schedule):
    """Tuesdays and Thursdays at 08:00."""
    return make_schedule(day_of_week="2,4")


@pytest.fixture
def next_set(make_set, schedule):
    return make_set("M2", 1, 2, 3)


def at(day, hour=0, minute=0):
    return datetime(2016, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("until", "number", "complete"),
    [(at(7, 22), 3, False), (at(10, 22), 3, True), (at(1, 7), 1, False), (at(1, 8), 2, False)],
)
def test_expected_positions_of_three_messages(subscribe, until, number, complete):
    assert positions.expected(subscribe(now=BEGUN), until=until) == (number, complete)


def test_an_initial_number_counts(make_set, subscribe):
    six = make_set("six", *range(1, 7))
    subscription = subscribe(now=BEGUN, messageset=six, initial_sequence_number=2)
    assert positions.expected(subscription, until=at(8, 10)) == (5, False)


def test_behind_counts_through_the_chain(subscribe, next_set, message_set):
    subscription = subscribe(now=BEGUN)
    missed = positions.behind(subscription, until=at(7, 22))
    assert (missed.messages, missed.message_set_id, missed.number) == (2, message_set.pk, 3)
    missed = positions.behind(subscription, until=at(15, 9))
    # Three of the first set; runs of the 10th and the 15th.
    assert (missed.messages, missed.message_set_id, missed.number) == (5, next_set.pk, 3)


def test_who_is_ahead_is_not_behind(subscribe):
    assert positions.behind(subscribe(now=BEGUN, next_sequence_number=3), until=at(1, 9)).messages == 0


def test_sets_in_a_circle_end(subscribe, message_set, make_set):
    message_set.next_set = message_set
    message_set.save()
    assert positions.behind(subscribe(now=BEGUN), until=at(15, 9)).messages == 5
    empty = make_set("empty")
    empty.next_set = empty
    empty.save()
    assert positions.behind(subscribe(now=BEGUN, messageset=empty), until=at(15)).messages == 0


def test_fast_forward_brings_it_to_its_place_and_sends_nothing(subscribe, texts):
    subscription = subscribe(now=BEGUN)
    assert len(positions.fast_forward(subscription, until=at(7, 22), now=NOON)) == 1
    subscription.refresh_from_db()
    assert (subscription.next_sequence_number, subscription.completed) == (3, False)
    assert texts() == []


@pytest.mark.parametrize(("initial", "begun"), [(1, at(8, 8, 1)), (2, at(3, 8, 1))])
def test_fast_forward_goes_on_with_the_next_set(subscribe, next_set, initial, begun):
    subscription = subscribe(now=BEGUN, initial_sequence_number=initial, next_sequence_number=initial)
    first, second = positions.fast_forward(subscription, until=at(10, 22), now=NOON)
    first.refresh_from_db()
    assert (first.next_sequence_number, first.completed, first.active, first.process_status) == (
        3,
        True,
        False,
        2,
    )
    second.refresh_from_db()
    assert (second.messageset, second.created_at) == (next_set, begun)
    assert second.next_sequence_number == (2 if initial == 1 else 3)


def test_fast_forward_stops_where_the_next_set_lacks_the_language(subscribe, make_set, next_set):
    zulu = make_set("zulu", 1, lang="zul_ZA", next_set=next_set)
    subscription = subscribe(now=BEGUN, messageset=zulu, lang="zul_ZA")
    assert len(positions.fast_forward(subscription, until=at(10), now=NOON)) == 1
    assert Subscription.objects.filter(messageset=next_set).count() == 0


def test_fast_forward_never_steps_back(subscribe):
    subscription = subscribe(now=BEGUN, next_sequence_number=3)
    positions.fast_forward(subscription, until=at(1, 9), now=NOON)
    subscription.refresh_from_db()
    assert subscription.next_sequence_number == 3


def test_fast_forward_leaves_who_was_stopped(subscribe):
    subscription = subscribe(now=BEGUN, active=False)
    positions.fast_forward(subscription, until=at(7, 22), now=NOON)
    subscription.refresh_from_db()
    assert subscription.next_sequence_number == 1


def test_the_job_keeps_a_row_for_each_who_is_behind(account, subscribe, work, other_account):
    late = subscribe(now=NOON - timedelta(days=8))
    subscribe(now=NOON)
    subscribe(now=NOON - timedelta(days=8), active=False)
    for _ in range(2):
        job = requests.ask_find_behind(account.pk, now=NOON)
        requests.ask_find_behind(other_account.pk, now=NOON)
        work(NOON)
    job.refresh_from_db()
    assert job.result == {"behind": 1}
    row = BehindSubscription.objects.latest("id")
    assert BehindSubscription.objects.count() == 2
    assert (row.subscription, row.account, row.messages_behind) == (late, account, 2)
    assert (row.current_sequence_number, row.expected_sequence_number) == (1, 3)


def test_finding_costs_the_same_queries_however_many_there_are(
    account, subscribe, django_assert_max_num_queries
):
    for _ in range(30):
        subscribe(now=NOON - timedelta(days=8))
    requests.ask_find_behind(account.pk, now=NOON)
    with django_assert_max_num_queries(20):
        jobs.run_due(now=NOON)
    assert BehindSubscription.objects.count() == 30
