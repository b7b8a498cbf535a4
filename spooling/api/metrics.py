"""`/api/metrics/`: which metrics the account has, and setting their gauges (Seed contract §7)."""

from __future__ import annotations

from typing import ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from earwig.models.api_keys import Scope
from earwig.web.seed import SeedView
from spooling.stages import gauges, requests


class Metrics(serializers.Serializer):
    metrics_available = serializers.ListField(child=serializers.CharField())


class Measuring(serializers.Serializer):
    scheduled_metrics_initiated = serializers.BooleanField()


class MetricsView(SeedView):
    """Their values are shown at `/metrics`. Setting gauges changes nothing of the account: reading is enough for it."""

    scopes: ClassVar[dict[str, str]] = {**SeedView.scopes, "POST": Scope.READ}

    @extend_schema(summary="List the metrics", responses={200: Metrics})
    def get(self, request: Request) -> Response:
        return Response({"metrics_available": gauges.names(self.credential.account_id)})

    @extend_schema(summary="Set the gauges", request=None, responses={200: Measuring})
    def post(self, request: Request) -> Response:
        requests.ask_measure(self.credential.account_id, now=timezone.now())
        return Response({"scheduled_metrics_initiated": True})
