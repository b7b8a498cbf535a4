"""Cron fields against a plain reading of them: minute by minute, day by day (Seed contract §3.1)."""

import calendar
import itertools
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spooling.stages import schedules
from spooling.stages.schedules import Times
from tests import costs

NAMES = {
    "month_of_year": {name.upper(): n for n, name in enumerate(calendar.month_abbr) if name},
    "day_of_week": {name.upper(): n for n, name in enumerate(calendar.day_abbr, 1)},
}
BOUNDS = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day_of_month": (1, 31),
    "month_of_year": (1, 12),
    "day_of_week": (1, 7),
}


@st.composite
def fields(draw, name):
    """(text, the numbers that it means), made from the numbers so that nothing has to be parsed."""
    low, high = BOUNDS[name]
    if draw(st.booleans()):
        return "*", set(range(low, high + 1))
    texts, meant = [], set()
    for _ in range(draw(st.integers(1, 3))):
        text, numbers = draw(_terms(low, high))
        texts.append(text)
        meant |= numbers
    return draw(st.sampled_from([",", ", ", " ,"])).join(texts), meant


@st.composite
def _terms(draw, low, high):
    first = draw(st.integers(low, high))
    match draw(st.sampled_from(["one", "range", "steps"])):
        case "one":
            return str(first), {first}
        case "range":
            last = draw(st.integers(first, high))
            return f"{first}-{last}", set(range(first, last + 1))
        case _:
            last, step = draw(st.integers(first, high)), draw(st.integers(1, high))
            return f"{first}-{last}/{step}", set(range(first, last + 1, step))


@st.composite
def lines(draw):
    chosen = {name: draw(fields(name)) for name in BOUNDS}
    times = Times(**{name: text for name, (text, _) in chosen.items()})
    return times, {name: meant for name, (_, meant) in chosen.items()}


def matches(times, meant, moment):
    """The contract's rule, word by word."""
    dom, dow = moment.day in meant["day_of_month"], moment.isoweekday() in meant["day_of_week"]
    if times.day_of_month == "*" or times.day_of_week == "*":
        day = dom and dow
    else:
        day = dom or dow
    return (
        day
        and moment.minute in meant["minute"]
        and moment.hour in meant["hour"]
        and moment.month in meant["month_of_year"]
    )


def oracle(times, meant, after, until):
    day = after.replace(hour=0, minute=0, second=0, microsecond=0)
    while day <= until:
        for hour, minute in itertools.product(sorted(meant["hour"]), sorted(meant["minute"])):
            moment = day.replace(hour=hour, minute=minute)
            if after < moment <= until and matches(times, meant, moment):
                yield moment
        day += timedelta(days=1)


MOMENTS = st.datetimes(datetime(1999, 1, 1), datetime(2101, 1, 1), timezones=st.just(UTC))


@settings(max_examples=300, deadline=None)
@given(lines(), MOMENTS, st.integers(0, 45))
def test_runs_are_those_of_a_plain_reading(line, after, days):
    times, meant = line
    until = after + timedelta(days=days)
    got = list(itertools.islice(schedules.runs(times, after=after, until=until), 200))
    assert got == list(itertools.islice(oracle(times, meant, after, until), 200))


@settings(max_examples=100, deadline=None)
@given(lines(), MOMENTS)
def test_the_next_run_is_the_first_of_the_runs(line, after):
    times, _ = line
    following = schedules.next_run(times, after=after)
    assume(following is not None)
    assert following > after
    assert next(schedules.runs(times, after=after, until=following)) == following
    assert list(schedules.runs(times, after=after, until=following - timedelta(microseconds=1))) == []


@settings(max_examples=300, deadline=None)
@given(st.builds(Times, *[st.text(max_size=64)] * 5), MOMENTS)
def test_any_text_is_refused_or_understood_and_never_hangs(times, after):
    found = schedules.problems(times)
    assert set(found) <= set(BOUNDS)
    schedules.in_words(times)
    schedules.warnings(times)
    if found:
        with pytest.raises(ValueError):
            schedules.next_run(times, after=after)
    else:
        schedules.next_run(times, after=after)


CRON_CHARACTERS = st.text(alphabet="0123456789*/,-LW#?MONSUJA ", max_size=12)


@settings(max_examples=500, deadline=None)
@given(st.builds(Times, *[CRON_CHARACTERS] * 5), MOMENTS)
def test_what_looks_like_cron_is_refused_or_understood(times, after):
    test_any_text_is_refused_or_understood_and_never_hangs.hypothesis.inner_test(times, after)
    assert isinstance(schedules.in_words(times), str)


@pytest.mark.parametrize("text", ["banana", "60", "-1", "*/0", "1-", "1,,2", "5-1", "1.5", "²", "", " "][:9])
def test_nonsense_is_told_by_its_field(text):
    assert list(schedules.problems(Times(minute=text))) == ["minute"]


def test_a_star_hides_no_nonsense_beside_it():
    assert set(schedules.problems(Times(day_of_month="banana,*", day_of_week="*,8"))) == {
        "day_of_month",
        "day_of_week",
    }


def test_each_bad_field_is_told():
    found = schedules.problems(Times(hour="24", day_of_month="0", month_of_year="13", day_of_week="8"))
    assert set(found) == {"hour", "day_of_month", "month_of_year", "day_of_week"}


def test_nothing_and_blanks_mean_everything():
    assert schedules.problems(Times("", " ", "", "", "")) == {}
    after = datetime(2026, 1, 1, tzinfo=UTC)
    assert schedules.next_run(Times("", " "), after=after) == after + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("*", {1, 2, 3, 4, 5, 6, 7}),
        ("7", {7}),
        ("0", {7}),
        ("sun", {7}),
        ("1, 3,5", {1, 3, 5}),
        ("MON-FRI", {1, 2, 3, 4, 5}),
        ("fri-sun", {5, 6, 7}),
        ("5-7", {5, 6, 7}),
        ("0-2", {7, 1, 2}),
        ("sun-tue", {7, 1, 2}),
        ("sun-sun", {7}),
        ("06-6/2", {6}),
        ("1-7", {1, 2, 3, 4, 5, 6, 7}),
        ("*/2", {7, 2, 4, 6}),
    ],
)
def test_days_of_the_week(text, days):
    times = Times(minute="0", hour="0", day_of_week=text)
    assert schedules.weekdays(times) == days
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    week = schedules.runs(
        times, after=monday - timedelta(minutes=1), until=monday + timedelta(days=7, minutes=-1)
    )
    assert {moment.isoweekday() for moment in week} == days


@pytest.mark.parametrize(
    ("after", "following"),
    [
        (datetime(2026, 1, 31, 8), datetime(2026, 3, 31, 8)),
        (datetime(2026, 12, 31, 8), datetime(2027, 1, 31, 8)),
        (datetime(2026, 1, 31, 7, 59, 59, 999999), datetime(2026, 1, 31, 8)),
    ],
)
def test_the_31st_comes_in_seven_months(after, following):
    times = Times("0", "8", "31")
    assert schedules.next_run(times, after=after.replace(tzinfo=UTC)) == following.replace(tzinfo=UTC)


def test_a_leap_day_comes_every_four_years_but_in_2100():
    times = Times("0", "0", "29", "2")
    runs = schedules.runs(
        times, after=datetime(2090, 1, 1, tzinfo=UTC), until=datetime(2110, 1, 1, tzinfo=UTC)
    )
    assert [moment.year for moment in runs] == [2092, 2096, 2104, 2108]


@pytest.mark.parametrize("times", [Times("0", "0", "30", "2"), Times("0", "0", "31", "4,6,9,11")])
def test_a_day_that_never_comes_is_no_problem_and_no_run(times):
    def act():
        assert schedules.problems(times) == {}
        assert schedules.next_run(times, after=datetime(2026, 1, 1, tzinfo=UTC)) is None
        assert schedules.in_words(times) == "Never"
        assert len(schedules.warnings(times)) == 1

    assert costs.seconds(act) < 0.5


@pytest.mark.parametrize(
    ("dom", "dow", "days"),
    [
        ("13", "5", {6, 13, 20, 27}),
        ("1", "*/7", {1, 8, 15, 22, 29}),
        ("*/10", "5", {1, 6, 11, 13, 20, 21, 27, 31}),
        ("*/1", "5", {6, 13, 20, 27}),
        ("13", "*", {13}),
        ("5,*", "5", {6, 13, 20, 27}),
    ],
)
def test_both_days_restricted_means_either(dom, dow, days):
    """March 2026 begins on a Sunday."""
    times = Times("0", "0", dom, "3", dow)
    month = schedules.runs(
        times, after=datetime(2026, 2, 28, 23, tzinfo=UTC), until=datetime(2026, 3, 31, 23, tzinfo=UTC)
    )
    assert {moment.day for moment in month} == days


def test_other_time_zones_are_read_as_utc_moments():
    after = datetime(2026, 1, 1, 9, 30, tzinfo=timezone(timedelta(hours=2)))
    assert schedules.next_run(Times("0", "8"), after=after) == datetime(2026, 1, 1, 8, tzinfo=UTC)


def test_it_is_said_in_words():
    assert schedules.in_words(Times("0", "8", "*", "*", "1, 4")) == "At 08:00 on Monday and Thursday"


def test_the_end_of_the_calendar_is_no_error():
    times = Times("0", "0", "1", "1")
    assert schedules.next_run(times, after=datetime(9999, 6, 1, tzinfo=UTC)) is None
