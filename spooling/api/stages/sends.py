"""`send`, `resend` and the hub's webhook (Seed contract §4.2 to §4.4). Each is stored before it is answered."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from earwig.web import idempotency
from earwig.web.seed import SeedView
from spooling.api.stages.resources import ROOT, SENDING, Bodiless
from spooling.api.stages.subscriptions import SubscriptionSerializer
from spooling.models import JobRequest, Subscription
from spooling.stages import requests, subscriptions

ACCEPTED = inline_serializer("SendAccepted", {"accepted": serializers.BooleanField()})


class SubscriptionSends(Bodiless, GenericViewSet):
    """Sends of one subscription. Whatever the body is, it is not read."""

    serializer_class = serializers.Serializer
    scopes = SENDING
    repeatable = ("send", "resend")
    queryset = Subscription.objects.none()

    @extend_schema(
        summary="Send a subscription its next message",
        description="Also accepted of one that is not ready: nothing is sent then. An unknown one is 400.",
        request=None,
        responses={201: ACCEPTED},
    )
    def send(self, request: Request, pk: str) -> HttpResponse:
        missing = "Missing subscription in control"
        return self._ask(pk, requests.ask_send, HTTPStatus.CREATED, missing)

    @extend_schema(
        summary="Send a subscription its last message once more",
        description="The position stays. An unknown subscription is 400.",
        request=None,
        responses={202: ACCEPTED},
    )
    def resend(self, request: Request, pk: str) -> HttpResponse:
        missing = f"Cannot find subscription with ID {pk}"
        return self._ask(pk, requests.ask_resend, HTTPStatus.ACCEPTED, missing)

    def _ask(self, pk: str, verb: Callable[..., JobRequest], status: int, missing: str) -> HttpResponse:
        row = self._row(pk)
        if row is None:
            return Response({"accepted": False, "reason": missing}, status=HTTPStatus.BAD_REQUEST)

        def work() -> tuple[int, Any]:
            verb(row, now=timezone.now())
            return status, {"accepted": True}

        return self.once(work)

    def _row(self, pk: str) -> Subscription | None:
        try:
            public_id = uuid.UUID(pk)
        except ValueError:
            return None
        return Subscription.objects.filter(account=self.credential.account_id, public_id=public_id).first()


HOOK = inline_serializer(
    "SubscriptionRequest", {"hook": serializers.JSONField(required=False), "data": SubscriptionSerializer()}
)


class SubscriptionRequests(SeedView, GenericViewSet):
    """The webhook of a hub: somebody was registered."""

    serializer_class = SubscriptionSerializer
    scopes = SENDING

    @extend_schema(
        summary="Add a subscription from a hub's webhook",
        description="A `data.id` that came within 24 h is answered the same and adds nothing: hubs ask again.",
        request=HOOK,
        responses={201: ACCEPTED},
    )
    def create(self, request: Request) -> HttpResponse:
        data = _data_of(request.data)
        name = data.get("id")
        # A hub that leaves it empty does so for everybody.
        if not name:
            return self._accept(data)
        return idempotency.once(self._call(name), lambda: self._accept(data), wait=True)

    @transaction.atomic
    def _accept(self, data: dict[str, Any]) -> HttpResponse:
        asked = self.get_serializer(data=_with_defaults(data))
        asked.is_valid(raise_exception=True)
        row = Subscription(account_id=self.credential.account_id, **asked.validated_data)
        subscriptions.create(row, now=timezone.now())
        self.note("add", row, fields=asked.validated_data)
        body = JSONRenderer().render({"accepted": True})
        return HttpResponse(body, status=HTTPStatus.CREATED, content_type="application/json")

    def _call(self, name: Any) -> idempotency.Call:
        """The id alone makes two calls the same: a hub that asks again may have changed its dates."""
        digest = hashlib.sha256(json.dumps(name, sort_keys=True).encode()).hexdigest()
        return idempotency.Call(
            account_id=self.credential.account_id,
            method="POST",
            path=f"{ROOT}/subscriptions/request",
            key=f"data.id {digest}",
            payload_digest=digest,
            now=timezone.now(),
        )


def _data_of(body: Any) -> dict[str, Any]:
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        raise serializers.ValidationError({"data": ["This field is required."]})
    return data


def _with_defaults(data: dict[str, Any]) -> dict[str, Any]:
    following = data.get("next_sequence_number", 1)
    return {"metadata": {}, "initial_sequence_number": following, **data}
