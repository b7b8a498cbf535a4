"""Events are rolled up once each, however transactions overlap and whoever rolls."""

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from stats import events, rollups, statistics, tasks
from stats.events import Happening
from stats.models import EventKind, RollupCursor, SpoolerRollup
from stats.statistics import Grouping
from tests import event_horizon, threads

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def record(count=1):
    happenings = [
        Happening(
            account_id=1,
            domain_id=None,
            spooler_id=10,
            mail_id=number,
            destination=f"{number}.example",
            provider="other",
            router="",
            lane="bulk",
            kind=EventKind.SPOOLED,
            at=NOW,
        )
        for number in range(count)
    ]
    with transaction.atomic():
        events.record(happenings)


def spooled():
    return statistics.of_spooler(10)[()].spooled


def hits():
    return sum(SpoolerRollup.objects.values_list("hits", flat=True))


@pytest.mark.postgresql
def test_what_commits_late_is_neither_missed_nor_counted_twice():
    record()
    event_horizon.wait()
    with event_horizon.held_open(record):
        record(3)
        assert rollups.roll() == 1
        assert rollups.roll() == 0
        assert (hits(), spooled()) == (1, 4)
    assert (hits(), spooled()) == (1, 5)
    event_horizon.wait()
    assert rollups.roll() == 4
    assert (hits(), spooled()) == (5, 5)


def test_a_large_transaction_is_rolled_up_whole(monkeypatch):
    monkeypatch.setattr(rollups, "ROLLED_TOGETHER", 10)
    record(25)
    record(2)
    event_horizon.wait()
    whole = 25 if connection.vendor == "postgresql" else 10
    assert rollups.roll() == whole
    assert spooled() == 27
    assert len(statistics.of_spooler(10, by=Grouping.DESTINATION)) == 25
    while rollups.roll():
        pass
    assert (hits(), spooled()) == (27, 27)


def test_several_that_roll_at_once_count_every_event_once(monkeypatch):
    monkeypatch.setattr(rollups, "ROLLED_TOGETHER", 50)
    for _ in range(10):
        record(20)
    event_horizon.wait()
    threads.together(4, lambda _: [rollups.roll() for _ in range(5)])
    assert (hits(), spooled()) == (200, 200)


def test_figures_are_exact_while_events_come_and_are_rolled_up():
    def work(number):
        seen = []
        for _ in range(20):
            if number == 0:
                record(5)
            elif number == 1:
                rollups.roll()
            else:
                seen.append(spooled())
        return seen

    *_, seen = threads.together(3, work)
    assert seen == sorted(seen) and all(count % 5 == 0 for count in seen)
    assert spooled() == 100


def test_a_crash_in_the_middle_counts_nothing_twice(monkeypatch):
    record(3)
    event_horizon.wait()

    def crash(position):
        raise DatabaseError("the connection is gone")

    with monkeypatch.context() as patched:
        patched.setattr(rollups.cursors, "move", crash)
        with pytest.raises(DatabaseError):
            rollups.roll()
    assert (hits(), spooled()) == (0, 3)
    assert rollups.roll() == 3
    assert (hits(), spooled(), RollupCursor.objects.count()) == (3, 3, 1)


def test_each_second_beat_rolls_up_what_is_new():
    record(2)
    event_horizon.wait()
    assert tasks.BEAT["roll-events"]["task"] == tasks.roll_events.name
    assert (tasks.roll_events(), tasks.roll_events()) == (2, 0)
