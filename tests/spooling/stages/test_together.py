"""Many at once, in real threads: one mail, one step (Seed contract scenario 21); two beats, one run."""

import pytest

from spooling import jobs
from spooling.models import JobRequest, ScheduleRun, Subscription
from spooling.stages import orders, requests, runs, slices
from tests.threads import together

from .conftest import NOON, RUN

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


def test_twenty_parallel_sends_are_one_mail_and_one_step(subscription, texts):
    for step in (1, 2, 3):
        asked = [subscription.next_sequence_number]
        for _ in range(20):
            requests.ask_send(subscription, now=NOON)
        together(20, lambda _: orders.work(now=NOON, seconds=5))
        subscription.refresh_from_db()
        assert len(texts()) == step
        assert subscription.next_sequence_number == min(asked[0] + 1, 3)
    assert [text for _, text in texts()] == [f"text {n} eng_ZA" for n in (1, 2, 3)]
    assert not JobRequest.objects.exclude(state="done").exists()
    assert Subscription.objects.count() == 2


def test_asking_and_working_at_once_skips_no_number_and_sends_no_text_twice(subscription, texts):
    def send(_):
        requests.ask_send(Subscription.objects.get(pk=subscription.pk), now=NOON)
        orders.work(now=NOON, seconds=5)

    together(20, send)
    orders.work(now=NOON, seconds=5)
    subscription.refresh_from_db()
    said = [text for _, text in texts()]
    assert said and said == [f"text {n} eng_ZA" for n in range(1, len(said) + 1)]
    assert subscription.next_sequence_number == min(len(said) + 1, 3)


def test_four_beats_make_one_run_and_each_subscription_gets_one_message(subscribe, texts, monkeypatch):
    monkeypatch.setattr(slices, "SIZE", 7)
    for _ in range(50):
        subscribe()

    def tick(_):
        while runs.tick(now=RUN, seconds=5):
            pass

    together(4, tick)
    tick(0)
    assert ScheduleRun.objects.filter(schedule__hour="8").count() == 1
    assert len({to for to, _ in texts()}) == len(texts()) == 50


def test_a_run_beside_sends_and_a_schedule_send_moves_nobody_past_what_was_sent(subscribe, schedule, texts):
    chosen = [subscribe() for _ in range(30)]
    requests.ask_schedule_send(schedule, now=RUN)
    for each in chosen:
        requests.ask_send(each, now=RUN)

    def work(n):
        if n % 2:
            runs.tick(now=RUN, seconds=5)
        jobs.run_due(now=RUN)

    together(6, work)
    work(1)
    work(1)
    said = texts()
    assert len(set(said)) == len(said)
    for each in chosen:
        each.refresh_from_db()
        got = sorted(text for to, text in said if to == each.identity)
        assert got == [f"text {n} eng_ZA" for n in range(1, len(got) + 1)]
        assert each.completed == (len(got) == 3)
        assert each.next_sequence_number == min(len(got) + 1, 3)
    assert len(said) >= 60
