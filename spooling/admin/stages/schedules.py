"""Schedules as people read them, with what runs next, what ran, and who runs by them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.forms import BaseDialogForm
from unfold.paginator import InfinitePaginator

from earwig.admin import pages
from spooling.admin.read_only import ReadOnlyAdmin, table
from spooling.admin.stages import rows
from spooling.models import MessageSet, Schedule, ScheduleRun, Subscription
from spooling.stages import requests, runs, schedules

NEXT_RUNS, LAST_RUNS = 5, 20


class ScheduleForm(forms.ModelForm):
    """Cron fields in UTC. Where day of month and day of week are both given, either suffices."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        times = schedules.Times(**{name: cleaned.get(name) or "*" for name in schedules.FIELDS})
        for name, message in schedules.problems(times).items():
            self.add_error(name, message)
        return cleaned


@admin.register(Schedule)
class ScheduleAdmin(rows.GuardedAdmin):
    form = ScheduleForm
    list_display = ("id", "account", "in_words", "__str__", "next_run_at", "message_sets")
    list_display_links = ("id", "in_words")
    list_filter = ("account",)
    list_select_related = ("account",)
    ordering = ("-id",)
    show_full_result_count = False
    actions_detail = ("send",)
    readonly_fields = ("in_words", "notes", "next_runs", "used_by", "last_runs", "created_at")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        cron = {
            "fields": ("account", ("minute", "hour"), ("day_of_month", "month_of_year", "day_of_week")),
            "description": self.form.__doc__,
        }
        if obj is None:
            return ((None, cron),)
        shown = {"fields": ("in_words", "notes", "next_runs", "used_by", "last_runs", "created_at")}
        return ((None, cron), ("What it comes to", shown))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.readonly_fields, "account") if obj else self.readonly_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Schedule]:
        found: QuerySet[Schedule] = super().get_queryset(request)
        return found.annotate(sets=Count("message_sets"))

    @admin.display(description="In words, UTC")
    def in_words(self, schedule: Schedule) -> str:
        return schedules.in_words(schedules.times_of(schedule))

    @admin.display(description="Message sets", ordering="sets")
    def message_sets(self, schedule: Schedule) -> int:
        count: int = schedule.sets  # type: ignore[attr-defined]  # annotated
        return count

    @admin.display(description="To know")
    def notes(self, schedule: Schedule) -> str:
        return " ".join(schedules.warnings(schedules.times_of(schedule))) or "Nothing."

    @admin.display(description="Next runs")
    def next_runs(self, schedule: Schedule) -> str | SafeString:
        moments = list(_next_runs(schedules.times_of(schedule), timezone.now()))
        return (
            format_html_join("", "{}<br>", ((rows.moment(moment),) for moment in moments)) or "It never runs."
        )

    @admin.display(description="Used by")
    def used_by(self, schedule: Schedule) -> SafeString:
        ready = Subscription.objects.filter(schedule=schedule).ready()
        listed = [(rows.link(row), "message set") for row in schedule.message_sets.order_by("id")[:50]]
        words = rows.list_link(Subscription, f"{rows.counted(ready)} ready", schedule__id__exact=schedule.pk)
        return table([*listed, (words, "subscriptions")])

    @admin.display(description="Last runs")
    def last_runs(self, schedule: Schedule) -> str | SafeString:
        last = list(schedule.runs.order_by("-due_at")[:LAST_RUNS])
        told = ((rows.moment(run.due_at), f"{run.state}, {run.queued:,} queued") for run in last)
        return rows.lines(told) if last else "None."

    def users_of(self, obj: Schedule) -> Iterable[tuple[str, QuerySet[Any]]]:
        yield "Message sets", MessageSet.objects.filter(default_schedule=obj)
        yield "Subscriptions", Subscription.objects.filter(schedule=obj)

    def save_model(self, request: HttpRequest, obj: Schedule, form: forms.ModelForm, change: Any) -> None:
        super().save_model(request, obj, form, change)
        runs.place(obj, now=timezone.now())
        for warning in schedules.warnings(schedules.times_of(obj)):
            self.message_user(request, warning, messages.WARNING)

    @action(
        description="Send now",
        permissions=["operate"],
        dialog=pages.asks("Send now", "Every ready subscription on this schedule gets its next message."),
    )
    def send(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        schedule = pages.row_or_404(Schedule, object_id)
        job = requests.ask_schedule_send(schedule, now=timezone.now())
        self.note(request, "schedule.send", schedule)
        return pages.moved_to(job)


@admin.register(ScheduleRun)
class ScheduleRunAdmin(ReadOnlyAdmin):
    paginator = InfinitePaginator
    list_display = ("due_at", "schedule", "state", "queued", "created_at", "ended_at")
    list_filter = ("state", "schedule__account")
    list_select_related = ("schedule",)
    ordering = ("-id",)
    fields = (("schedule", "due_at"), ("state", "queued"), ("created_at", "ended_at"))

    def account_of(self, obj: ScheduleRun) -> Any:
        return obj.schedule.account


def _next_runs(times: schedules.Times, now: datetime) -> Iterator[datetime]:
    moment = schedules.next_run(times, after=now)
    for _ in range(NEXT_RUNS):
        if moment is None:
            return
        yield moment
        moment = schedules.next_run(times, after=moment)
