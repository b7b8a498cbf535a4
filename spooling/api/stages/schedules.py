"""`/api/v1/schedule/`: when messages go out (Seed contract §3.1)."""

from __future__ import annotations

from typing import Any

from django.db.models import ProtectedError, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from spooling import errors
from spooling.api.stages.resources import SENDING, Bodiless, Resource
from spooling.models import Schedule
from spooling.stages import requests, runs, schedules

#: How a list of schedules is read: by the day of the year, of the month, of the week, then by the time.
ORDER = ("month_of_year", "day_of_month", "day_of_week", "hour", "minute", "id")


class ScheduleSerializer(serializers.ModelSerializer):
    class Meta:
        model = Schedule
        fields = ("id", "minute", "hour", "day_of_week", "day_of_month", "month_of_year")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        before = schedules.times_of(self.instance) if self.instance else schedules.Times()
        problems = schedules.problems(before._replace(**attrs))
        if problems:
            raise serializers.ValidationError({field: [text] for field, text in problems.items()})
        return attrs


@extend_schema_view(
    list=extend_schema(summary="List schedules"),
    retrieve=extend_schema(summary="Show a schedule"),
    create=extend_schema(summary="Add a schedule", responses={201: ScheduleSerializer}),
    update=extend_schema(summary="Replace a schedule"),
    partial_update=extend_schema(summary="Change a schedule"),
    destroy=extend_schema(summary="Delete a schedule", description="409 when something refers to it."),
)
class ScheduleViewSet(Resource):
    """Five cron fields in UTC, kept as they were written."""

    serializer_class = ScheduleSerializer
    queryset = Schedule.objects.none()

    def get_queryset(self) -> QuerySet[Schedule]:
        return Schedule.objects.filter(account=self.credential.account_id).order_by(*ORDER)

    def make(self, data: dict[str, Any]) -> Schedule:
        now = timezone.now()
        schedule = Schedule.objects.create(account_id=self.credential.account_id, created_at=now, **data)
        runs.place(schedule, now=now)
        return schedule

    def change(self, row: Schedule, data: dict[str, Any]) -> None:
        for name, value in data.items():
            setattr(row, name, value)
        row.save(update_fields=data)
        runs.place(row, now=timezone.now())

    def remove(self, row: Schedule) -> None:
        try:
            row.delete()
        except ProtectedError:
            raise errors.InUse from None


class ScheduleSends(Bodiless, GenericViewSet):
    """Sends of all that is on a schedule."""

    serializer_class = serializers.Serializer
    scopes = SENDING
    repeatable = ("send",)
    queryset = Schedule.objects.none()

    def get_queryset(self) -> QuerySet[Schedule]:
        return Schedule.objects.filter(account=self.credential.account_id)

    @extend_schema(
        summary="Send all ready subscriptions of a schedule their next message",
        request=None,
        responses={202: OpenApiResponse(description="Stored.", response={"type": "object"})},
    )
    def send(self, request: Request, pk: str) -> HttpResponse:
        schedule = self.get_object()
        return self.once(lambda: (202, self._ask(schedule)))

    def _ask(self, schedule: Schedule) -> dict[str, Any]:
        requests.ask_schedule_send(schedule, now=timezone.now())
        return {}
