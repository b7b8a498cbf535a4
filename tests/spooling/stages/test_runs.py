"""Runs of schedules: each once, on time, to its end, whoever ticks (Seed contract §5.5, scenario 24)."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from spooling import control, jobs
from spooling.models import JobRequest, Mail, Resend, Schedule, ScheduleRun, SendFailure, Subscription
from spooling.stages import orders, requests, runs, slices

from .conftest import DAY, NOON, RUN

pytestmark = pytest.mark.django_db


@pytest.fixture
def small_slices(monkeypatch):
    monkeypatch.setattr(slices, "SIZE", 3)


def states():
    mine = ScheduleRun.objects.filter(schedule__hour="8").order_by("due_at", "id")
    return list(mine.values_list("due_at", "state", "queued"))


def test_before_its_time_nothing_happens(subscription, tick, texts):
    tick(RUN - timedelta(seconds=1))
    assert (texts(), states()) == ([], [])


def test_at_its_time_every_ready_subscription_gets_one_message(subscribe, tick, texts, small_slices):
    ready = [subscribe() for _ in range(7)]
    subscribe(active=False)
    subscribe(completed=True)
    subscribe(process_status=-1)
    tick(RUN)
    tick(RUN + timedelta(seconds=1))
    assert sorted(to for to, _ in texts()) == sorted(each.identity for each in ready)
    assert states() == [(RUN, "done", 7)]
    assert Schedule.objects.order_by("id").first().next_run_at == RUN + DAY


def test_the_next_day_brings_the_next_message(subscription, tick, texts):
    tick(RUN)
    tick(RUN + DAY)
    assert [text for _, text in texts()] == ["text 1 eng_ZA", "text 2 eng_ZA"]


def test_who_subscribed_after_the_run_waits_for_the_next(subscribe, tick, texts):
    subscribe(now=RUN + timedelta(seconds=1))
    tick(RUN + timedelta(seconds=5))
    assert texts() == []
    tick(RUN + DAY)
    assert len(texts()) == 1


def test_who_is_deactivated_before_gets_nothing(subscription, tick, texts):
    Subscription.objects.update(active=False)
    tick()
    assert texts() == []


def test_other_schedules_subscriptions_wait_for_theirs(subscribe, make_schedule, other_account, tick, texts):
    subscribe(schedule=make_schedule(hour="10"))
    make_schedule(of=other_account)
    tick()
    assert texts() == []
    assert ScheduleRun.objects.count() == 2


def test_seen_ten_minutes_late_it_still_runs(subscription, tick, texts):
    tick(RUN + timedelta(minutes=10))
    assert len(texts()) == 1


def test_seen_later_it_is_missed_and_nobody_catches_it_up(subscription, tick, texts):
    tick(RUN + timedelta(minutes=10, seconds=1))
    tick(RUN + DAY - timedelta(seconds=1))
    assert texts() == []
    assert states() == [(RUN, "missed", 0)]
    tick(RUN + DAY)
    assert len(texts()) == 1


def test_after_days_of_downtime_one_missed_run_is_told(subscription, tick, texts):
    tick(RUN + 5 * DAY + timedelta(hours=1))
    assert states() == [(RUN, "missed", 0)]
    assert Schedule.objects.order_by("id").first().next_run_at == RUN + 6 * DAY


def test_a_run_that_was_interrupted_goes_on_where_it_was(subscribe, texts, small_slices, tick):
    for _ in range(8):
        subscribe()
    runs.tick(now=RUN, seconds=0)
    assert len(texts()) == 3
    # Much later: a run that was begun is not missed any more.
    tick(RUN + timedelta(hours=5))
    assert len({to for to, _ in texts()}) == len(texts()) == 8
    assert states() == [(RUN, "done", 8)]


def test_who_a_send_moved_on_before_a_slice_gets_the_following_message(subscribe, tick, work, texts):
    subscription = subscribe()
    requests.ask_send(subscription, now=NOON)
    work()
    tick()
    assert [text for _, text in texts()] == ["text 1 eng_ZA", "text 2 eng_ZA"]


def test_two_beats_make_one_run(subscription, schedule, tick, texts):
    tick()
    Schedule.objects.filter(pk=schedule.pk).update(next_run_at=RUN)
    tick()
    assert len(texts()) == 1
    assert len(states()) == 1


def test_external_dispatch_makes_no_runs(subscription, schedule, tick, texts, settings, work):
    settings.EXTERNAL_DISPATCH = True
    tick()
    assert (texts(), states()) == ([], [])
    requests.ask_schedule_send(schedule, now=RUN)
    work(RUN)
    assert len(texts()) == 1


def test_a_chain_begins_with_its_own_schedules_next_run(subscribe, make_set, make_schedule, tick, texts):
    second = make_set("second", 1, default_schedule=make_schedule(hour="8", minute="1"))
    subscribe(messageset=make_set("first", 1, next_set=second))
    tick(RUN)
    assert len(texts()) == 1
    tick(RUN + timedelta(minutes=1))
    assert len(texts()) == 2


def test_those_over_the_limit_follow_as_single_sends(account, subscribe, tick, work, texts):
    account.mails_per_hour = 3
    account.save()
    for _ in range(10):
        subscribe()
    tick()
    assert len(texts()) == 3
    assert JobRequest.objects.filter(kind="send", state="waiting", tries=1).count() == 7
    account.mails_per_hour = None
    account.save()
    work(RUN + timedelta(minutes=10))
    assert len({to for to, _ in texts()}) == len(texts()) == 10


def test_a_message_that_is_missing_is_told_once_however_often_it_runs(subscribe, tick):
    subscribe(lang="xho_ZA")
    tick(RUN)
    tick(RUN + DAY)
    assert SendFailure.objects.count() == 1


def test_a_tick_says_whether_more_is_left(subscribe, small_slices):
    for _ in range(4):
        subscribe()
    assert runs.tick(now=RUN, seconds=0) is True
    assert runs.tick(now=RUN, seconds=5) is False


def test_runs_are_forgotten_after_ninety_days(subscription, tick):
    tick()
    control.tidy(now=RUN + 89 * DAY)
    assert ScheduleRun.objects.exists()
    cache.clear()
    control.tidy(now=RUN + 91 * DAY)
    assert not ScheduleRun.objects.exists()


def test_many_sends_cost_few_statements(subscribe, django_assert_max_num_queries, texts):
    chosen = [subscribe() for _ in range(100)]
    for each in chosen:
        requests.ask_send(each, now=NOON)
    with django_assert_max_num_queries(60):
        orders.work(now=NOON, seconds=10)
    assert len(texts()) == 100


def test_sends_that_ended_are_forgotten_after_a_week(subscription, work):
    requests.ask_send(subscription, now=NOON)
    work()
    control.tidy(now=NOON + 8 * DAY)
    assert not JobRequest.objects.filter(kind="send").exists()


class TestScheduleSend:
    def test_it_reaches_who_is_ready_and_was_there(self, subscribe, schedule, work, texts, small_slices):
        for _ in range(5):
            subscribe()
        subscribe(process_status=-1)
        job = requests.ask_schedule_send(schedule, now=NOON)
        subscribe(now=NOON + timedelta(seconds=1))
        work(NOON + timedelta(seconds=2))
        job.refresh_from_db()
        assert (job.state, job.result) == ("done", {"queued": 5})
        assert len(texts()) == 5

    def test_a_crash_between_slices_repeats_nothing(
        self, subscribe, schedule, work, texts, small_slices, monkeypatch
    ):
        for _ in range(5):
            subscribe()
        requests.ask_schedule_send(schedule, now=NOON)
        monkeypatch.setattr(jobs, "TURN_SECONDS", 0)
        jobs.run_due(now=NOON)
        assert len(texts()) == 3
        JobRequest.objects.update(leased_until=NOON + timedelta(seconds=60))
        work(NOON + timedelta(seconds=61))
        assert len({to for to, _ in texts()}) == len(texts()) == 5


class TestPlace:
    def test_a_new_schedule_is_placed_strictly_after_now(self, make_schedule):
        assert make_schedule(now=RUN).next_run_at == RUN + DAY
        assert make_schedule(now=RUN - timedelta(microseconds=1)).next_run_at == RUN

    def test_changed_fields_move_it(self, schedule):
        schedule.hour = "10"
        schedule.save()
        runs.place(schedule, now=NOON)
        schedule.refresh_from_db()
        assert schedule.next_run_at == RUN + timedelta(hours=2)

    def test_saving_it_unchanged_while_it_is_due_loses_no_run(self, subscription, schedule, tick, texts):
        runs.place(schedule, now=RUN + timedelta(seconds=1))
        tick(RUN + timedelta(seconds=2))
        assert len(texts()) == 1

    def test_a_day_that_never_comes_is_never_due(self, make_schedule):
        assert make_schedule(day_of_month="30", month_of_year="2").next_run_at is None


def test_a_resend_repeats_the_last_message_and_moves_nothing(subscription, work, texts):
    for number, text in ((3, "text 2 eng_ZA"), (1, "text 1 eng_ZA")):
        Subscription.objects.update(next_sequence_number=number)
        job = requests.ask_resend(subscription, now=NOON)
        work(NOON + timedelta(hours=1))
        assert texts()[-1][1] == text
        subscription.refresh_from_db()
        assert subscription.next_sequence_number == number
        assert subscription.updated_at == NOON + timedelta(hours=1)
        job.refresh_from_db()
        assert job.state == "done"
    assert [each.outbound_id for each in Resend.objects.order_by("id")] == [
        mail.public_id.hex for mail in Mail.objects.order_by("id")
    ]


def test_two_resends_are_two_mails(subscription, work, texts):
    for _ in range(2):
        requests.ask_resend(subscription, now=NOON)
    work()
    assert [text for _, text in texts()] == ["text 1 eng_ZA"] * 2


def test_a_resend_of_what_is_complete_leaves_a_failure(subscription, work, texts):
    Subscription.objects.update(completed=True, active=False)
    requests.ask_resend(subscription, now=NOON)
    work()
    assert texts() == []
    assert SendFailure.objects.get().subscription == subscription
