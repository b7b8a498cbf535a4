"""Moments as the wire writes and reads them (contract §1.3)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spooling.wires.relay import dates, errors, inputs

NOW = datetime(2017, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2015, 9, 1, 15, 16, 32, 750_000, UTC), "2015-09-01T15:16:32.75+00:00"),
        (datetime(2016, 6, 27, 19, 34, 20, 0, UTC), "2016-06-27T19:34:20+00:00"),
        (datetime(2016, 1, 1, 0, 0, 0, 1, UTC), "2016-01-01T00:00:00.000001+00:00"),
        (datetime(2016, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), "2016-01-01T00:00:00+00:00"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00+00:00"),
    ],
)
def test_moments_are_written_in_utc_without_idle_digits(moment, text):
    assert dates.written(moment) == text


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_read(moment):
    assert dates.read(dates.written(moment)) == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2015-08-15T09:00+04:00", datetime(2015, 8, 15, 5, tzinfo=UTC)),
        ("2015-05-21T09:00:36-03:00", datetime(2015, 5, 21, 12, 0, 36, tzinfo=UTC)),
        ("2010-01-29T09:00:36.515+00:00", datetime(2010, 1, 29, 9, 0, 36, 515_000, UTC)),
        ("2015-01-29T09:00:36Z", datetime(2015, 1, 29, 9, 0, 36, tzinfo=UTC)),
        ("2015-01-29T09:00:36.1234567Z", datetime(2015, 1, 29, 9, 0, 36, 123_456, UTC)),
        ("2015-01-29 09:00:36+03", datetime(2015, 1, 29, 6, 0, 36, tzinfo=UTC)),
        ("2015-01-29T09:00:36-0330", datetime(2015, 1, 29, 12, 30, 36, tzinfo=UTC)),
        ("2015-01-29Z", datetime(2015, 1, 29, tzinfo=UTC)),
        ("2015-01-29+03:00", datetime(2015, 1, 28, 21, tzinfo=UTC)),
        ("Tue, 01 Sep 2015 15:16:47 GMT", datetime(2015, 9, 1, 15, 16, 47, tzinfo=UTC)),
    ],
)
def test_all_these_forms_are_read(text, moment):
    assert dates.read(text) == dates.read(text, of_query=True) == moment


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "2015-08-15T09:00", "2015-08-15", "2015-08-15 09:00", "20150815T0900Z", "2015-13-01Z"),
        *("2015-08-15T24:00Z", "2015-08-15T09:00+99:00", "0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00"),
        *("Tue, 01 Sep 2015 15:16:47", "Xxx, 99 Sep 2015 15:16:47 GMT", "2015-08-15T09:00:00.12345678Z"),
        "٢٠١٥-08-15T09:00Z",
    ],
)
def test_what_has_no_zone_or_is_no_date_names_nothing(text):
    assert dates.read(text) is dates.read(text, of_query=True) is None


def test_in_a_query_a_blank_was_a_plus():
    assert dates.read("2015-08-15T09:00:00 04:00", of_query=True) == datetime(2015, 8, 15, 5, tzinfo=UTC)
    assert dates.read("2015-08-15T09:00:00 04:00") is None


@given(st.text(max_size=40))
def test_no_text_is_a_fault(text):
    dates.read(text, of_query=True)


def test_a_window_ends_now_at_the_latest_and_is_as_long_as_its_span():
    assert inputs.window({}, now=NOW) == (None, NOW)
    assert inputs.window({"to": "2018-01-01Z"}, now=NOW).end == NOW
    day = inputs.window({"to": "2016-01-02Z"}, now=NOW, span=timedelta(days=1))
    assert (dates.written(day.start), dates.written(day.end)) == (
        "2016-01-01T00:00:00+00:00",
        "2016-01-02T00:00:00+00:00",
    )


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ({"from": "2016-01-02"}, "from"),
        ({"to": "x"}, "to"),
        ({"from": "2016-01-02Z", "to": "2016-01-02Z"}, "from"),
        ({"from": "2018-01-01Z"}, "from"),
    ],
)
def test_a_window_that_cannot_be_is_named(query, key):
    with pytest.raises(errors.Invalid) as refused:
        inputs.window(query, now=NOW)
    assert [flaw.key for flaw in refused.value.flaws] == [key]
