"""Schedules in the admin: in words, with their next runs, and never deleted while needed."""

import re
from datetime import UTC, datetime

import pytest
import time_machine
from django.urls import reverse

from earwig.models import AuditEntry
from spooling.models import JobRequest, Schedule, ScheduleRun

NOW = datetime(2026, 2, 27, 9, tzinfo=UTC)
CRON = {"minute": "0", "hour": "8", "day_of_month": "*", "month_of_year": "*", "day_of_week": "*"}


def url(what, *args):
    return reverse(f"admin:spooling_schedule_{what}", args=args)


@time_machine.travel(NOW, tick=False)
def test_a_schedule_is_read_in_words_with_its_next_five_runs(staff, schedule, shown):
    schedule.day_of_week = "1"
    schedule.save()
    text = shown("schedule", "change", schedule.pk)
    runs = re.findall(r"\w+ \d\d \w+ 2026, \d\d:\d\d UTC", text)
    assert runs == [f"Mon {day} Mar 2026, 08:00 UTC" for day in ("02", "09", "16", "23", "30")]
    assert "At 08:00 on Monday" in text
    assert "At 08:00 on Monday" in shown("schedule", "changelist")


def test_a_schedule_that_never_runs_says_so(staff, schedule, shown):
    Schedule.objects.update(day_of_month="30", month_of_year="2")
    assert "It never runs." in shown("schedule", "change", schedule.pk)


def test_a_saved_schedule_is_placed_and_its_fields_are_kept_as_typed(staff, account):
    with time_machine.travel(NOW, tick=False):
        answer = staff.post(url("add"), CRON | {"account": account.pk, "hour": "8, 20"})
    assert answer.status_code == 302
    schedule = Schedule.objects.get()
    assert (schedule.hour, schedule.next_run_at) == ("8, 20", datetime(2026, 2, 27, 20, tzinfo=UTC))
    with time_machine.travel(NOW, tick=False):
        staff.post(url("change", schedule.pk), CRON | {"minute": "5"})
    schedule.refresh_from_db()
    assert schedule.next_run_at == datetime(2026, 2, 28, 8, 5, tzinfo=UTC)
    assert [entry.action for entry in AuditEntry.objects.order_by("id")] == ["add", "change"]
    assert AuditEntry.objects.first().account == account


@pytest.mark.parametrize("field", CRON)
def test_nonsense_is_refused_on_its_field(staff, account, field):
    answer = staff.post(url("add"), CRON | {"account": account.pk, field: "banana"})
    assert list(answer.context["adminform"].form.errors) == [field]
    assert not Schedule.objects.exists()


def test_either_of_two_day_fields_is_warned_of(staff, account):
    answer = staff.post(
        url("add"), CRON | {"account": account.pk, "day_of_month": "1", "day_of_week": "1"}, follow=True
    )
    assert "not only where both do" in answer.content.decode()


def test_a_schedule_in_use_is_not_deleted(staff, schedule, subscription):
    text = staff.get(url("delete", schedule.pk)).content.decode()
    assert "Message sets: 2" in text and "Subscriptions: 1" in text
    staff.post(url("delete", schedule.pk), {"post": "yes"})
    assert Schedule.objects.filter(pk=schedule.pk).exists()


def test_an_unused_schedule_is_deleted(staff, schedule):
    assert staff.post(url("delete", schedule.pk), {"post": "yes"}).status_code == 302
    assert not Schedule.objects.exists()
    assert AuditEntry.objects.get().action == "delete"


def test_what_comes_to_need_it_meanwhile_keeps_it(staff, schedule, next_set, monkeypatch):
    monkeypatch.setattr("spooling.admin.stages.schedules.ScheduleAdmin.users_of", lambda self, obj: ())
    answer = staff.post(url("delete", schedule.pk), {"post": "yes"}, follow=True)
    assert "Something else still refers to it." in answer.content.decode()
    assert Schedule.objects.exists()


def test_used_by_and_last_runs_are_shown(staff, schedule, subscription, shown):
    ScheduleRun.objects.create(schedule=schedule, due_at=NOW, state="done", queued=1234)
    text = shown("schedule", "change", schedule.pk)
    assert "1 ready" in text and "first" in text and "1,234 queued" in text
    assert "1234" in shown("schedulerun", "changelist").replace(",", "")


def test_a_schedule_is_sent_by_a_confirmed_post_only(staff, schedule, confirm):
    assert staff.get(url("send", schedule.pk)).status_code == 200
    assert not JobRequest.objects.exists()
    answer = confirm("schedule", "send", schedule.pk)
    job = JobRequest.objects.get(kind="schedule_send")
    assert answer["HX-Redirect"] == reverse("admin:spooling_jobrequest_change", args=(job.pk,))
    assert AuditEntry.objects.get().action == "schedule.send"


def test_staff_who_may_only_look_send_and_change_nothing(clerk, schedule, confirm):
    assert clerk.get(url("change", schedule.pk)).status_code == 200
    assert confirm("schedule", "send", schedule.pk).status_code == 403
    assert clerk.post(url("change", schedule.pk), CRON).status_code == 403
    assert clerk.post(url("delete", schedule.pk), {"post": "yes"}).status_code == 403
    assert not JobRequest.objects.exists()


def test_a_hundred_schedules_cost_as_many_questions_as_one(staff, account, schedule, questions):
    one = questions(url("changelist"))
    Schedule.objects.bulk_create(Schedule(account=account, hour=str(n % 24)) for n in range(90))
    assert questions(url("changelist")) == one
