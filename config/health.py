"""Whether the installation is well: for balancers, for Seed's clients, and for Prometheus."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

import django
import rest_framework
from celery import current_app
from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from kombu.exceptions import OperationalError
from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from config import views
from earwig.web import errors
from earwig.web.errors import Problem
from earwig.web.seed import SeedView
from spooling import heartbeats, vitals

BROKER_TIMEOUT_SECONDS = 2


@csrf_exempt
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@csrf_exempt
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database and the broker answer, else 503.

    Also how long the workers of each queue have been silent, and the oldest due mail has waited: they do not keep
    this process from accepting mail, so a balancer leaves it in.
    """
    checks: dict[str, Any] = {"database": _word(_database_answers()), "broker": _word(_broker_answers())}
    ready = all(check == "ok" for check in checks.values())
    if checks["database"] == "ok":
        checks["workers_silent_seconds"] = heartbeats.silent_seconds(now=timezone.now())
        checks["oldest_due_seconds"] = vitals.oldest_due_seconds(now=timezone.now())
    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse({"status": "ok" if ready else "unavailable", **checks}, status=status)


def _word(answers: bool) -> str:
    return "ok" if answers else "unavailable"


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return False
    return True


def _broker_answers() -> bool:
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_TIMEOUT_SECONDS)
    except (OperationalError, OSError):
        return False
    return True


class Libraries(serializers.Serializer):
    django = serializers.CharField()
    djangorestframework = serializers.CharField()


class Findings(serializers.Serializer):
    database = serializers.CharField()
    version = serializers.CharField()
    libraries = Libraries()


class Health(serializers.Serializer):
    up = serializers.BooleanField()
    result = Findings()


class HealthView(SeedView):
    """Whether the database answers, and what is installed (Seed contract §8). Any valid key will do."""

    permission_classes: list[Any] = []

    @extend_schema(summary="Show the installation's health", responses={200: Health, 503: Health})
    def get(self, request: Request) -> Response:
        return _health(up=_database_answers())

    def handle_exception(self, exc: Exception) -> Response:
        # The key is looked up in the same database.
        return _health(up=False) if isinstance(exc, Error) else super().handle_exception(exc)


def _health(*, up: bool) -> Response:
    result = {
        "database": "Accessible" if up else "Inaccessible",
        "version": settings.VERSION,
        "libraries": {"django": django.__version__, "djangorestframework": rest_framework.VERSION},
    }
    status = HTTPStatus.OK if up else HTTPStatus.SERVICE_UNAVAILABLE
    return Response({"up": up, "result": result}, status=status)


@dataclass(frozen=True, slots=True)
class _Vitals(Collector):
    now: datetime

    def collect(self) -> Iterator[Metric]:
        return vitals.metrics(now=self.now)


@csrf_exempt
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus, who shows PROMETHEUS_TOKEN as a bearer token. Without that setting there is nothing here."""
    if not settings.PROMETHEUS_TOKEN:
        return views.failure(request, HTTPStatus.NOT_FOUND)
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    right = hmac.compare_digest(token.strip().encode(), settings.PROMETHEUS_TOKEN.encode())
    if scheme.lower() != "bearer" or not right:
        return errors.plain(HTTPStatus.UNAUTHORIZED, [_NO_TOKEN], {"WWW-Authenticate": "Bearer"})
    encode, content_type = _encoder(request.META.get("HTTP_ACCEPT", ""))
    return HttpResponse(encode(_Vitals(timezone.now())), content_type=content_type)


def _encoder(accepted: str) -> tuple[Callable[[Collector], bytes], str]:
    """The one that the library chooses, or its default: it stumbles over versions that are no numbers."""
    try:
        return choose_encoder(accepted)
    except (TypeError, ValueError):
        return choose_encoder("")


_NO_TOKEN = Problem(
    None, None, "not_authenticated", "Send PROMETHEUS_TOKEN as `Authorization: Bearer TOKEN`."
)
