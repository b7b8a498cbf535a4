"""Metrics, kept as their present values."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats import metrics
from stats.models import MetricSample
from tests.threads import together

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def test_sums_grow(account, other_account):
    metrics.add(account.pk, {"a.sum": 1, "b.sum": 2}, now=NOW)
    metrics.add(account.pk, {"a.sum": 5}, now=NOW + timedelta(hours=1))
    metrics.add(other_account.pk, {"a.sum": 100}, now=NOW)
    assert metrics.values(account.pk) == {"a.sum": 6, "b.sum": 2}
    assert metrics.values(other_account.pk) == {"a.sum": 100}
    assert MetricSample.objects.get(account_id=account.pk, name="a.sum").updated_at == NOW + timedelta(
        hours=1
    )


def test_gauges_are_set(account, other_account):
    metrics.put(account.pk, {"a.last": 3, "b.last": 0.5}, now=NOW)
    metrics.put(account.pk, {"a.last": 2}, now=NOW)
    assert metrics.values(account.pk) == {"a.last": 2, "b.last": 0.5}
    assert metrics.values(other_account.pk) == {}


def test_nothing_to_add_asks_the_database_nothing(account, django_assert_num_queries):
    with django_assert_num_queries(0):
        metrics.add(account.pk, {}, now=NOW)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("messageset one", "messageset_one"),
        ("a.b-c", "a_b_c"),
        ("--x--", "x"),
        ("", ""),
        ("über 9", "über_9"),
    ],
)
def test_a_part_of_a_name_has_word_characters_only(part, name):
    assert metrics.normal(part) == name


@given(st.text())
def test_a_normal_name_stays(part):
    assert metrics.normal(metrics.normal(part)) == metrics.normal(part)


@pytest.mark.django_db(transaction=True)
def test_increments_at_the_same_time_are_all_counted(transactional_db):
    def count(number):
        names = ("a", "b") if number % 2 else ("b", "a")
        for _ in range(20):
            metrics.add(1, {name: 1 for name in names}, now=NOW)

    together(4, count)
    assert metrics.values(1) == {"a": 80, "b": 80}
