from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from spooling.outbox import backoff

DICE = st.floats(min_value=0, max_value=1, exclude_max=True)


@given(tries=st.integers(min_value=1, max_value=10_000), dice=DICE)
def test_a_delay_lies_between_four_minutes_and_five_hours(tries, dice):
    assert timedelta(minutes=4) <= backoff.delay(tries, dice) <= timedelta(hours=4) * 1.2


@given(tries=st.integers(min_value=1, max_value=100), dice=DICE)
def test_delays_grow_for_the_same_dice(tries, dice):
    assert backoff.delay(tries, dice) <= backoff.delay(tries + 1, dice)


def test_the_first_delay_is_about_five_minutes_and_the_longest_about_four_hours():
    assert backoff.delay(1, 0.5) == timedelta(minutes=5)
    assert backoff.delay(50, 0.5) == timedelta(hours=4)


def test_what_failed_together_does_not_come_back_together():
    assert backoff.delay(1, 0.0) != backoff.delay(1, 0.9)
