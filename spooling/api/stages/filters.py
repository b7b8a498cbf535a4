"""Filters as Seed's clients send them: empty is none, unknown ones are ignored, a number that is none finds nothing
(Seed contract §3.4, §4.1).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet, Value
from django.db.models.functions import StrIndex
from django_filters import IsoDateTimeFilter, rest_framework
from django_filters.fields import IsoDateTimeField
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from spooling.models import MessageSet, StageMessage, Subscription

_WORDS = {"true": True, "1": True, "false": False, "0": False}
_MOST_DIGITS = 18


@extend_schema_field(OpenApiTypes.INT)
class NumberFilter(rest_framework.CharFilter):
    """Equal to a whole number; text finds nothing."""

    def filter(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        if not value:
            return rows
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS):
            return rows.none()
        return rows.filter(**{str(self.field_name): int(value)})


@extend_schema_field(OpenApiTypes.BOOL)
class TruthFilter(rest_framework.CharFilter):
    """true, false, 1 or 0 in any case; anything else is no filter."""

    def filter(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        truth = _WORDS.get(value.lower())
        return rows if truth is None else rows.filter(**{str(self.field_name): truth})


class _Moment(IsoDateTimeField):
    def clean(self, value: Any) -> datetime | None:
        moment = super().clean(value)
        try:
            return moment.astimezone(UTC) if moment else None
        except OverflowError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class MomentFilter(IsoDateTimeFilter):
    """ISO 8601; of no zone: UTC. Anything else is refused."""

    field_class = _Moment


class MessageSetFilters(rest_framework.FilterSet):
    class Meta:
        model = MessageSet
        fields = ("short_name",)

    content_type = rest_framework.CharFilter()


class MessageFilters(rest_framework.FilterSet):
    messageset = NumberFilter()
    sequence_number = NumberFilter()

    class Meta:
        model = StageMessage
        fields = ("lang",)


class SubscriptionFilters(rest_framework.FilterSet):
    messageset = NumberFilter()
    messageset_id = NumberFilter()
    schedule = NumberFilter()
    process_status = NumberFilter()
    version = NumberFilter()
    next_sequence_number = NumberFilter()
    initial_sequence_number = NumberFilter()
    active = TruthFilter()
    completed = TruthFilter()
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lte")
    metadata_has_key = rest_framework.CharFilter(field_name="metadata", lookup_expr="has_key")
    metadata_not_has_key = rest_framework.CharFilter(
        field_name="metadata", lookup_expr="has_key", exclude=True
    )
    messageset_contains = rest_framework.CharFilter(method="of_sets_named")

    class Meta:
        model = Subscription
        fields = ("identity", "lang")

    def of_sets_named(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        # Not `contains`, which SQLite answers for either case.
        found = MessageSet.objects.annotate(at=StrIndex("short_name", Value(value))).filter(at__gt=0)
        return rows.filter(messageset__in=found.values("pk"))
