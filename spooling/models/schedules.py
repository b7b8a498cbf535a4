"""When stage-based messages go out: cron times in UTC, and the runs that became due."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils import timezone

from earwig.models import Account


class ScheduleQuerySet(models.QuerySet["Schedule"]):
    def due(self, now: datetime) -> ScheduleQuerySet:
        return self.filter(next_run_at__lte=now)


class Schedule(models.Model):
    """Five cron fields, kept as they were written (Seed contract §3.1)."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="schedules")
    minute = models.CharField(max_length=64, default="*")
    hour = models.CharField(max_length=64, default="*")
    day_of_week = models.CharField(max_length=64, default="*")
    day_of_month = models.CharField(max_length=64, default="*")
    month_of_year = models.CharField(max_length=64, default="*")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    #: When its next run is due; None: its fields name no day that ever comes.
    next_run_at = models.DateTimeField(null=True, editable=False)

    objects = ScheduleQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["account", "id"], name="schedule_of_account"),
            models.Index(fields=["next_run_at"], name="schedule_next_run"),
        ]

    def __str__(self) -> str:
        fields = (self.minute, self.hour, self.day_of_month, self.month_of_year, self.day_of_week)
        return " ".join(field.replace(" ", "") for field in fields)


class RunState(models.TextChoices):
    """How far a run is."""

    #: Subscriptions behind its position are still to be sent.
    RUNNING = "running"
    #: All that were ready got their message.
    DONE = "done"
    #: First seen too late: nothing was sent.
    MISSED = "missed"


class ScheduleRun(models.Model):
    """One due time of a schedule. Unique, so that whoever ticks, each run happens once."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="runs")
    due_at = models.DateTimeField()
    state = models.CharField(max_length=7, choices=RunState.choices, default=RunState.RUNNING)
    #: The last subscription, by id, that this run is done with.
    position = models.BigIntegerField(default=0)
    #: Subscriptions whose message was queued.
    queued = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["schedule", "due_at"], name="schedule_run_once"),
            models.CheckConstraint(
                name="schedule_run_known_state", condition=models.Q(state__in=RunState.values)
            ),
        ]
        indexes = [models.Index(fields=["id"], condition=models.Q(state="running"), name="schedule_run_open")]
