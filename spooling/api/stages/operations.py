"""Failures and their requeue, estimates, subscriptions that are behind (Seed contract §6)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ReadOnlyModelViewSet

from spooling.api.stages import subscriptions
from spooling.api.stages.resources import ROOT, Bodiless
from spooling.models import BehindSubscription, JobRequest, MessageSet, SendFailure
from spooling.stages import requests

_TASK: dict[str, serializers.Field] = {
    "accepted": serializers.BooleanField(),
    "task_id": serializers.UUIDField(),
}
ACCEPTED_TASK = inline_serializer("AcceptedTask", _TASK)


class _Asking(Bodiless):
    """A view that asks for a job of the account, and tells its id."""

    def ask(self, verb: Callable[..., JobRequest]) -> HttpResponse:
        def work() -> tuple[int, Any]:
            job = verb(self.credential.account_id, now=timezone.now())
            return HTTPStatus.ACCEPTED, {"accepted": True, "task_id": str(job.public_id)}

        return self.once(work)


class _OfSubscription(serializers.ModelSerializer):
    """A row about a subscription, which stands in it as URL and as id."""

    subscription = serializers.SerializerMethodField()
    subscription_id = serializers.UUIDField(source="subscription.public_id")

    @extend_schema_field(OpenApiTypes.URI)
    def get_subscription(self, row: Any) -> str:
        return self._absolute(subscriptions.path_of(row.subscription.public_id))

    def _absolute(self, path: str) -> str:
        return str(self.context["view"].absolute(path))


class FailureSerializer(_OfSubscription):
    url = serializers.SerializerMethodField()

    class Meta:
        model = SendFailure
        fields = ("url", "id", "subscription", "subscription_id", "task_id", "initiated_at", "reason")

    @extend_schema_field(OpenApiTypes.URI)
    def get_url(self, row: SendFailure) -> str:
        return self._absolute(f"{ROOT}/failed-tasks/{row.pk}/")


class BehindSerializer(_OfSubscription):
    current_messageset = serializers.SerializerMethodField()
    current_messageset_id = serializers.IntegerField()
    current_messageset_name = serializers.CharField(source="current_messageset.short_name")
    expected_messageset = serializers.SerializerMethodField()
    expected_messageset_id = serializers.IntegerField()
    expected_messageset_name = serializers.CharField(source="expected_messageset.short_name")

    class Meta:
        model = BehindSubscription
        fields = (
            "id",
            "subscription",
            "subscription_id",
            "messages_behind",
            "current_messageset",
            "current_messageset_id",
            "current_messageset_name",
            "current_sequence_number",
            "expected_messageset",
            "expected_messageset_id",
            "expected_messageset_name",
            "expected_sequence_number",
            "created_at",
        )

    @extend_schema_field(OpenApiTypes.URI)
    def get_current_messageset(self, row: BehindSubscription) -> str:
        return self._set_url(row.current_messageset)

    @extend_schema_field(OpenApiTypes.URI)
    def get_expected_messageset(self, row: BehindSubscription) -> str:
        return self._set_url(row.expected_messageset)

    def _set_url(self, row: MessageSet) -> str:
        return self._absolute(f"{ROOT}/messageset/{row.pk}/")


@extend_schema_view(
    list=extend_schema(summary="List messages that could not be handed over, newest first"),
    retrieve=extend_schema(summary="Show a message that could not be handed over"),
)
class FailureViewSet(Bodiless, ReadOnlyModelViewSet):
    """Messages that could not be handed over."""

    serializer_class = FailureSerializer
    repeatable = ("requeue",)
    queryset = SendFailure.objects.none()

    def get_queryset(self) -> QuerySet[SendFailure]:
        own = SendFailure.objects.filter(account=self.credential.account_id)
        return own.select_related("subscription").order_by("-id")

    @extend_schema(
        summary="Try all of them again",
        request=None,
        responses={201: inline_serializer("Requeued", {"requeued_failed_tasks": serializers.BooleanField()})},
    )
    def requeue(self, request: Request) -> HttpResponse:
        return self.once(self._requeue)

    def _requeue(self) -> tuple[int, Any]:
        requests.ask_requeue(self.credential.account_id, now=timezone.now())
        return HTTPStatus.CREATED, {"requeued_failed_tasks": True}


@extend_schema_view(
    list=extend_schema(summary="List subscriptions that were found behind, newest first"),
    retrieve=extend_schema(summary="Show a subscription that was found behind"),
)
class BehindViewSet(_Asking, ReadOnlyModelViewSet):
    """Subscriptions that had fewer messages than their schedule had runs; for staff."""

    serializer_class = BehindSerializer
    staff_only = True
    repeatable = ("find",)
    queryset = BehindSubscription.objects.none()

    def get_queryset(self) -> QuerySet[BehindSubscription]:
        own = BehindSubscription.objects.filter(account=self.credential.account_id)
        named = own.select_related("subscription", "current_messageset", "expected_messageset")
        return named.order_by("-id")

    @extend_schema(
        summary="Find the subscriptions that are behind", request=None, responses={202: ACCEPTED_TASK}
    )
    def find(self, request: Request) -> HttpResponse:
        return self.ask(requests.ask_find_behind)


class EstimateViewSet(_Asking, GenericViewSet):
    """Estimates of what the runs of a day reach; shown in the admin."""

    serializer_class = serializers.Serializer
    repeatable = ("estimate",)

    @extend_schema(summary="Estimate what today's runs reach", request=None, responses={202: ACCEPTED_TASK})
    def estimate(self, request: Request) -> HttpResponse:
        return self.ask(requests.ask_estimate)


class AudioViewSet(Bodiless, GenericViewSet):
    """The original copies files to telephony servers here. Nothing is there to be copied to."""

    serializer_class = serializers.Serializer

    @extend_schema(
        summary="Accepted and ignored",
        request=None,
        responses={
            202: inline_serializer(
                "AudioSync",
                {
                    "sync_audio_files_initiated": serializers.BooleanField(),
                    "task_id": serializers.UUIDField(),
                },
            )
        },
    )
    def sync(self, request: Request) -> Response:
        answer = {"sync_audio_files_initiated": True, "task_id": str(uuid.uuid4())}
        return Response(answer, status=HTTPStatus.ACCEPTED)
