"""`/api/v1/webhooks/`: URLs that are told what happens, the log of their calls, and what is told once more."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from earwig.web.serializers import StrictSerializer
from earwig.web.views import NativeView
from spooling.api.outputs import AcceptedJob
from spooling.webhooks import calls, replays
from stats import webhook_leases, webhooks
from stats.models import EventKind, Webhook, WebhookDelivery


class ChangeInput(StrictSerializer):
    url = serializers.CharField(max_length=webhooks.LONGEST_URL, required=False, trim_whitespace=False)
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=EventKind.choices),
        max_length=len(EventKind.values),
        required=False,
        help_text="Empty: all.",
    )
    active = serializers.BooleanField(required=False, help_text="False: paused.")


class WebhookInput(ChangeInput):
    url = serializers.CharField(max_length=webhooks.LONGEST_URL, trim_whitespace=False)


class ReplayInput(StrictSerializer):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(required=False, help_text="Without it: until now.")


class WebhookOutput(serializers.ModelSerializer):
    id = serializers.CharField(source="token", read_only=True)
    kinds = serializers.ListField(child=serializers.ChoiceField(choices=EventKind.choices), read_only=True)
    active = serializers.SerializerMethodField()
    position = serializers.SerializerMethodField()

    class Meta:
        model = Webhook
        fields: tuple[str, ...] = (
            *("id", "url", "kinds", "format", "active", "position", "tries", "failing_since", "next_try_at"),
            *("verified_at", "paused_at", "paused_because", "created_at"),
        )
        read_only_fields = fields

    def get_active(self, webhook: Webhook) -> bool:
        return webhook.paused_at is None

    @extend_schema_field(
        serializers.CharField(help_text="What follows was not told yet: `after` of `/events/`.")
    )
    def get_position(self, webhook: Webhook) -> str:
        return webhook_leases.position_of(webhook).token


class SecretWebhookOutput(WebhookOutput):
    secret = serializers.CharField(
        allow_null=True, help_text="Shown this once; null when an Idempotency-Key brings the answer again."
    )

    class Meta(WebhookOutput.Meta):
        fields: tuple[str, ...] = (*WebhookOutput.Meta.fields, "secret")
        read_only_fields = fields


class DeliveryOutput(serializers.ModelSerializer):
    class Meta:
        model = WebhookDelivery
        fields = (
            *("at", "status", "fault", "milliseconds", "events", "first_event_id", "last_event_id", "replay"),
        )
        read_only_fields = fields


class TrialOutput(serializers.Serializer):
    taken = serializers.BooleanField(help_text="It answered 2xx.")
    status = serializers.IntegerField(allow_null=True)
    fault = serializers.CharField(help_text="Why there is no status.")
    milliseconds = serializers.IntegerField()


@extend_schema_view(
    list=extend_schema(summary="List webhooks"),
    retrieve=extend_schema(summary="Show a webhook"),
)
class WebhookViewSet(NativeView, ReadOnlyModelViewSet):
    """Webhooks of the key's account."""

    serializer_class = WebhookOutput
    lookup_field = "token"
    repeatable = ("create", "rotate", "replay")
    queryset = Webhook.objects.none()

    def get_queryset(self) -> QuerySet[Webhook]:
        return Webhook.objects.filter(account_id=self.credential.account_id).order_by("id")

    @extend_schema(
        summary="Make a webhook",
        description=(
            'From now on its URL gets `{"webhook", "events": [...]}` by POST, events as `/events/` shows them, '
            "each at least once and in order, signed by the secret. It answers 2xx within 10 s."
        ),
        request=WebhookInput,
        responses={201: SecretWebhookOutput},
    )
    def create(self, request: Request) -> HttpResponse:
        return self._showing_secret(self._create)

    def _create(self) -> tuple[int, Webhook, str]:
        asked = _valid(WebhookInput, self.request.data)
        wanted = webhooks.Wanted(url=asked["url"], kinds=asked.get("kinds", ()))
        webhook, secret = webhooks.create(self.credential.account_id, wanted, now=timezone.now())
        if not asked.get("active", True):
            webhooks.pause(webhook, because=_BY_OWNER, now=timezone.now())
        self.note("add", webhook, fields=self.request.data)
        return 201, webhook, secret

    @extend_schema(summary="Change a webhook", request=ChangeInput, responses=WebhookOutput)
    @transaction.atomic
    def partial_update(self, request: Request, token: str) -> Response:
        webhook, asked = self._held(), _valid(ChangeInput, request.data)
        active = asked.pop("active", None)
        if asked:
            webhooks.change(webhook, **asked)
        if active is not None:
            _set_active(webhook, active)
        self.note("change", webhook, fields=request.data)
        return Response(WebhookOutput(webhook).data)

    @extend_schema(summary="Delete a webhook", description="And its log.", responses={204: None})
    @transaction.atomic
    def destroy(self, request: Request, token: str) -> Response:
        webhook = self._held()
        self.note("delete", webhook)
        webhook.delete()
        return Response(status=204)

    @extend_schema(
        summary="Give a webhook a new secret",
        description="The one before signs too for 24 hours: `Earwig-Signature` then holds two.",
        request=None,
        responses=SecretWebhookOutput,
    )
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, token: str) -> HttpResponse:
        return self._showing_secret(self._rotate)

    def _rotate(self) -> tuple[int, Webhook, str]:
        webhook = self._held()
        secret = webhooks.rotate(webhook, now=timezone.now())
        self.note("webhook.rotate", webhook)
        return 200, webhook, secret

    @extend_schema(summary="Pause a webhook", request=None, responses=WebhookOutput)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, token: str) -> Response:
        return self._switched(active=False)

    @extend_schema(
        summary="Resume a webhook",
        description="It goes on where it stood: what happened in between is told now.",
        request=None,
        responses=WebhookOutput,
    )
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, token: str) -> Response:
        return self._switched(active=True)

    @transaction.atomic
    def _switched(self, *, active: bool) -> Response:
        webhook = self._held()
        _set_active(webhook, active)
        self.note("webhook.resume" if active else "webhook.pause", webhook)
        return Response(WebhookOutput(webhook).data)

    @extend_schema(
        summary="Tell a webhook the events of some time once more",
        description=(
            'Beside what is new, with the same ids and `"replay": true`. 409 while it is paused; `/jobs/{id}/` '
            "tells how far it is."
        ),
        request=ReplayInput,
        responses={202: AcceptedJob},
    )
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, token: str) -> HttpResponse:
        return self.once(self._replay)

    @transaction.atomic
    def _replay(self) -> tuple[int, Any]:
        webhook, asked, now = self._held(), _valid(ReplayInput, self.request.data), timezone.now()
        job = replays.ask(webhook, since=asked["since"], until=asked.get("until", now), now=now)
        self.note("webhook.replay", webhook)
        return 202, {"job": job.public_id.hex, "state": job.state}

    @extend_schema(summary="The calls of a webhook, newest first", responses=DeliveryOutput(many=True))
    @action(detail=True)
    def deliveries(self, request: Request, token: str) -> Response:
        page = self.paginate_queryset(self.get_object().deliveries.order_by("-at", "-id"))
        return self.get_paginated_response(DeliveryOutput(page, many=True).data)

    @extend_schema(
        summary="Try a webhook",
        description='Calls it now with no events and `"test": true`. Takes 10 seconds at most.',
        request=None,
        responses=TrialOutput,
    )
    @action(detail=True, methods=["post"])
    def test(self, request: Request, token: str) -> Response:
        webhook = self.get_object()
        outcome = calls.call(webhook, calls.format_of(webhook).test(webhook, now=timezone.now()))
        webhook_leases.note(webhook, outcome, now=timezone.now())
        self.note("webhook.test", webhook)
        return Response(TrialOutput(outcome).data)

    def _held(self) -> Webhook:
        """The webhook, which nobody else changes or deletes before this transaction ends. Raises Http404."""
        held: Webhook = get_object_or_404(self.get_queryset().select_for_update(), token=self.kwargs["token"])
        return held

    def _showing_secret(self, work: Callable[[], tuple[int, Webhook, str]]) -> HttpResponse:
        """The first answer shows the secret. The one that an Idempotency-Key brings again cannot: none is stored."""
        shown: list[dict[str, Any]] = []

        @transaction.atomic
        def stored() -> tuple[int, Any]:
            status, webhook, secret = work()
            data = dict(WebhookOutput(webhook).data)
            shown.append(data | {"secret": secret})
            return status, data | {"secret": None}

        response = self.once(stored)
        if shown:
            response.content = json.dumps(shown[0]).encode()
        return response


_BY_OWNER = "By its owner."


def _set_active(webhook: Webhook, active: bool) -> None:
    if active:
        webhooks.resume(webhook, now=timezone.now())
    else:
        webhooks.pause(webhook, because=_BY_OWNER, now=timezone.now())


def _valid(shape: type[StrictSerializer], data: Any) -> dict[str, Any]:
    asked = shape(data=data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)
