"""`/api/v1/statistics/` and `/api/v1/timeline/`: what became of mails, in numbers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from earwig import domains
from earwig.models import Domain
from earwig.web import errors
from earwig.web.serializers import StrictSerializer
from earwig.web.views import NativeView
from spooling.models import Spooler
from spooling.models.spoolers import Lane
from stats import statistics, timelines
from stats.statistics import Grouping


class Scope(StrictSerializer):
    """Of what the figures are: a spooler, a sending domain, or all of the account."""

    spooler = serializers.CharField(required=False, help_text="A spooler's token.")
    domain = serializers.CharField(required=False, help_text="The sending domain.")

    #: What is asked of an account and not of a spooler.
    of_account: tuple[str, ...] = ("domain",)

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value({name: data[name] for name in data})

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "spooler" in attrs and (beside := [name for name in self.of_account if name in attrs]):
            raise serializers.ValidationError({name: "Not together with a spooler." for name in beside})
        return attrs


class StatisticsQuery(Scope):
    group_by = serializers.ChoiceField(
        choices=[grouping.value for grouping in Grouping],
        default=Grouping.ALL.value,
        help_text="`destination` is the recipients' domain, `provider` the owner of many of those.",
    )
    since = serializers.DateField(required=False, help_text="The first day, in UTC.")
    until = serializers.DateField(required=False, help_text="The last day, in UTC.")

    of_account = ("domain", "since", "until")


class TimelineQuery(Scope):
    lane = serializers.ChoiceField(choices=Lane.choices, required=False)

    of_account = ("domain", "lane")


class FiguresOutput(serializers.Serializer):
    """Numbers of mails; never of repetitions."""

    spooled = serializers.IntegerField(help_text="Whatever became of them.")
    blocked = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    delivered = serializers.IntegerField()
    deferred = serializers.IntegerField(
        help_text="Whose last outcome is a temporary failure; in a timeline, temporary failures."
    )
    failed = serializers.IntegerField(help_text="Refused for good, given up or expired.")
    open = serializers.IntegerField()
    click = serializers.IntegerField()
    mirror = serializers.IntegerField()
    unsubscribe = serializers.IntegerField()
    complaint = serializers.IntegerField()
    bounce = serializers.IntegerField(
        help_text="Came back after its server had taken it; delivered all the same."
    )
    response = serializers.IntegerField(help_text="Answered, by a person or for one.")


class GroupOutput(serializers.Serializer):
    router = serializers.CharField(
        required=False, help_text=f"`{statistics.NO_ROUTER}`: no router dealt with them."
    )
    destination = serializers.CharField(required=False)
    provider = serializers.CharField(required=False)
    figures = FiguresOutput()


class StatisticsOutput(serializers.Serializer):
    results = GroupOutput(many=True)


class BucketOutput(serializers.Serializer):
    start = serializers.DateTimeField()
    figures = FiguresOutput()


class TimelineOutput(serializers.Serializer):
    results = BucketOutput(many=True)


class FiguresView(NativeView):
    """Of what the key's account sent. 404 for a spooler or a domain that it has not."""

    def asked(self, query: type[Scope]) -> dict[str, Any]:
        """The query, with the spooler and the domain that it names. Raises ValidationError, Rejected."""
        given = query(data=self.request.query_params)
        given.is_valid(raise_exception=True)
        asked: dict[str, Any] = given.validated_data
        if "spooler" in asked:
            asked["spooler"] = self._spooler(asked["spooler"])
        if "domain" in asked:
            asked["domain"] = self._domain(asked["domain"])
        return asked

    def _spooler(self, token: str) -> Spooler:
        found = Spooler.objects.shown_to(self.credential.account_id).filter(token=token).first()
        if found is None:
            raise _unknown("spooler")
        return found

    def _domain(self, name: str) -> Domain:
        found = domains.find(self.credential.account_id, name)
        if found is None:
            raise _unknown("domain")
        return found


def _unknown(field: str) -> errors.Rejected:
    return errors.Rejected([errors.Problem(None, field, "not_found", f"There is no such {field}.")])


class StatisticsView(FiguresView):
    @extend_schema(
        summary="Figures",
        description=(
            "Exact as of the last commit. With days: what was spooled, left and was read in them. The groups "
            "add up to the whole; those without figures are left out."
        ),
        parameters=[StatisticsQuery],
        responses=StatisticsOutput,
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(StatisticsQuery)
        by = Grouping(asked["group_by"])
        found = _statistics(self.credential.account_id, asked, by)
        results = [
            {**dict(zip(by.columns, key, strict=True)), "figures": asdict(found[key])}
            for key in sorted(found)
        ]
        return Response({"results": results})


def _statistics(account_id: int, asked: dict[str, Any], by: Grouping) -> statistics.Groups:
    if "spooler" in asked:
        return statistics.of_spooler(asked["spooler"].pk, by=by)
    return statistics.of_account(
        account_id,
        by=by,
        since=asked.get("since"),
        until=asked.get("until"),
        domain_id=asked["domain"].pk if "domain" in asked else None,
    )


class TimelineView(FiguresView):
    @extend_schema(
        summary="Figures over time",
        description=(
            "Without gaps, oldest first. Of a spooler by the hour, from its first event on and for at most 30 "
            "days; else by the day (UTC), the last 30."
        ),
        parameters=[TimelineQuery],
        responses=TimelineOutput,
    )
    def get(self, request: Request) -> Response:
        found = _timeline(self.credential.account_id, self.asked(TimelineQuery))
        buckets = [{"start": start, "figures": asdict(figures)} for start, figures in found]
        return Response(TimelineOutput({"results": buckets}).data)


def _timeline(account_id: int, asked: dict[str, Any]) -> timelines.Timeline:
    now = timezone.now()
    if "spooler" in asked:
        return timelines.of_spooler(asked["spooler"].pk, now=now)
    domain_id = asked["domain"].pk if "domain" in asked else None
    return timelines.of_account(account_id, domain_id=domain_id, lane=asked.get("lane"), now=now)
