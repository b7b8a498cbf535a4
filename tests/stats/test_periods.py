"""Figures of windows against a count from the events, whatever is rolled up and wherever the window is cut."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from stats import cursors, events, periods, rollups
from stats.models import Event
from stats.periods import DAY, HOUR, Mails, Window
from tests.stats.test_statistics import START, Mailing

pytestmark = pytest.mark.django_db(transaction=True)

NOW = START + timedelta(days=400)
ACME = Mails(1, [10, 11])


def counted(window, step):
    """(bucket, kind) → how many events of the account; and of how many mails they are."""
    hits, mails = Counter(), Counter()
    for event in Event.objects.filter(account_id=1, at__gte=window.start, at__lt=window.end):
        place = (floor(event.at, step), event.kind)
        hits[place] += 1
        mails[place] += event.counts
    return +hits, mails


def told(window, step, now=NOW):
    tallies = periods.tally(ACME, window, step=step, now=now)
    hits = {(begin, kind): n for begin, tally in tallies.items() for kind, n in tally.events.items() if n}
    mails = {(begin, kind): n for begin, tally in tallies.items() for kind, n in tally.mails.items()}
    return hits, mails


def floor(moment, step):
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour.replace(hour=0) if step == DAY else hour


@pytest.mark.parametrize("seed", range(6))
def test_windows_are_told_as_the_events_count(seed):
    mailing = Mailing(seed)
    for number in range(60):
        with transaction.atomic():
            events.record(mailing.step())
        if number in (20, 45):
            rollups.roll()
    chance = random.Random(seed)
    span = mailing.at - START
    for _ in range(25):
        start = START + chance.random() * span
        window = Window(start, start + chance.random() * span)
        if chance.random() < 0.4:
            window = Window(floor(window.start, HOUR), floor(window.end, HOUR))
        for step in (HOUR, DAY):
            hits, mails = counted(window, step)
            shown, figures = told(window, step)
            assert shown == hits
            # What was ended is taken off where whole hours are told.
            assert all(figures[place] <= mails[place] for place in figures)
            lasting = {"spooled", "delivered", "blocked", "open", "click", "bounce"}
            assert {place: n for place, n in figures.items() if place[1] in lasting and n} == {
                place: n for place, n in mails.items() if place[1] in lasting and n
            }


def test_the_running_hour_is_told_without_reading_its_events(monkeypatch):
    mailing = Mailing(1)
    with transaction.atomic():
        events.record([mailing.spool(1)])
    rollups.roll()
    monkeypatch.setattr(periods, "_of_events", None)
    now = START + timedelta(minutes=5)
    assert told(Window(floor(START, HOUR), now), HOUR, now=now)[0] == {(floor(START, HOUR), "spooled"): 1}


def test_another_accounts_mails_are_in_no_figure():
    mailing = Mailing(2)
    with transaction.atomic():
        events.record([mailing.spool(2)])
    window = Window(START - timedelta(minutes=90), START + timedelta(minutes=3))
    assert told(window, HOUR) == told(window, DAY) == ({}, {})


@pytest.mark.parametrize(
    ("start", "end", "step", "spans"),
    [
        ((1, 10, 0), (1, 12, 0), HOUR, [1, 1]),
        ((1, 10, 30), (1, 12, 15), HOUR, [1, 1, 1]),
        ((1, 10, 30), (1, 10, 45), HOUR, [1]),
        ((1, 0, 0), (3, 0, 0), DAY, [24, 24]),
        ((1, 3, 0), (3, 3, 0), DAY, [24, 24, 24]),
        ((1, 3, 0), (1, 3, 0), DAY, []),
    ],
)
def test_buckets_have_no_gaps(start, end, step, spans):
    window = Window(*(datetime(2026, 3, day, hour, minute, tzinfo=UTC) for day, hour, minute in (start, end)))
    found = [periods.bucket(window, step, number) for number in periods.buckets(window, step)]
    assert [(each.end - each.start) / HOUR for each in found] == spans
    assert [each.end for each in found[:-1]] == [each.start for each in found[1:]]
    if found:
        assert found[0].start <= window.start and found[-1].end >= window.end


def test_a_window_of_long_ago_is_not_read_to_the_present(monkeypatch):
    monkeypatch.setattr(cursors, "PROBE", 3)
    mailing = Mailing(3)
    for _ in range(120):
        with transaction.atomic():
            events.record(mailing.step())
    window = Window(START, START + timedelta(minutes=50))
    late = window.end + periods.LATENESS
    rows = periods.between(1, window, now=NOW)
    everything = Event.objects.filter(account_id=1, at__gte=window.start, at__lt=window.end)
    assert set(rows) == set(everything)
    skipped = cursors.since(Event.objects.all(), cursors.past_moment(late))
    assert skipped.count() > Event.objects.count() / 2
