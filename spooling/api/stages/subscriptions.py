"""`/api/v1/subscriptions/`: who gets which set, and how far each is (Seed contract §4.1)."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request

from spooling.api.stages import filters
from spooling.api.stages.fields import WHOLE, ObjectField, OwnKey, Truth
from spooling.api.stages.resources import ROOT, Resource
from spooling.models import MessageSet, Schedule, Subscription
from spooling.stages import subscriptions

_NUMBERS = (
    "version",
    "initial_sequence_number",
    "next_sequence_number",
    "process_status",
)


def path_of(public_id: uuid.UUID) -> str:
    """Where a subscription is."""
    return f"{ROOT}/subscriptions/{public_id}/"


class SubscriptionSerializer(serializers.ModelSerializer):
    url = serializers.SerializerMethodField()
    id = serializers.UUIDField(source="public_id", read_only=True)
    messageset = OwnKey(queryset=MessageSet.objects.all())
    schedule = OwnKey(queryset=Schedule.objects.all())
    active = Truth(required=False)
    completed = Truth(required=False)
    metadata = ObjectField(allow_null=True, required=False)
    messageset_label = serializers.CharField(source="messageset.label", read_only=True)

    class Meta:
        model = Subscription
        fields = (
            "url",
            "id",
            "version",
            "identity",
            "messageset",
            "initial_sequence_number",
            "next_sequence_number",
            "lang",
            "active",
            "completed",
            "schedule",
            "process_status",
            "metadata",
            "created_at",
            "updated_at",
            "messageset_label",
        )
        read_only_fields = ("created_at", "updated_at")
        extra_kwargs = {name: WHOLE for name in _NUMBERS}

    @extend_schema_field(OpenApiTypes.URI)
    def get_url(self, row: Subscription) -> str:
        return str(self.context["view"].absolute(path_of(row.public_id)))


@extend_schema_view(
    list=extend_schema(summary="List subscriptions, newest first"),
    retrieve=extend_schema(summary="Show a subscription"),
    create=extend_schema(
        summary="Add a subscription",
        description="Its first message goes out with the next run of its schedule.",
        responses={201: SubscriptionSerializer},
    ),
    update=extend_schema(summary="Replace a subscription"),
    partial_update=extend_schema(
        summary="Change a subscription", description="What is read-only may stand in the body; it stays."
    ),
    destroy=extend_schema(
        summary="Delete a subscription", description="With its failures, resends and behind rows."
    ),
)
class SubscriptionViewSet(Resource):
    """An identity's way through a message set."""

    serializer_class = SubscriptionSerializer
    filterset_class = filters.SubscriptionFilters
    lookup_field = "public_id"
    lookup_url_kwarg = "pk"
    queryset = Subscription.objects.none()

    def get_queryset(self) -> QuerySet[Subscription]:
        own = Subscription.objects.filter(account=self.credential.account_id)
        return own.select_related("messageset").order_by("-id")

    def create(self, request: Request) -> HttpResponse:
        response = super().create(request)
        response["Location"] = json.loads(response.content)["url"]
        return response

    def make(self, data: dict[str, Any]) -> Subscription:
        row = Subscription(account_id=self.credential.account_id, **data)
        return subscriptions.create(row, now=timezone.now())
