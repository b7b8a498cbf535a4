"""`/api/v1/domains/{name}/warm-up/`: how many mails a day a new domain gives each provider."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from earwig import addresses
from earwig.models import Domain
from earwig.web.serializers import StrictSerializer
from earwig.web.views import NativeView
from spooling import warm_ups
from spooling.models import WarmUp

MOST_MAILS, MOST_PERCENT, MOST_DAYS = 10_000_000, 1_000, 3_650


class WarmUpInput(StrictSerializer):
    started_on = serializers.DateField(required=False, help_text="UTC; today, if not given.")
    first_day = serializers.IntegerField(min_value=1, max_value=MOST_MAILS, default=50)
    growth_percent = serializers.IntegerField(min_value=0, max_value=MOST_PERCENT, default=50)
    days = serializers.IntegerField(min_value=1, max_value=MOST_DAYS, default=30)


class WarmUpOutput(serializers.ModelSerializer):
    quota_today = serializers.SerializerMethodField(help_text="Mails to each provider; null: any number.")
    left_today = serializers.SerializerMethodField(help_text="Mails that left today, by provider.")

    class Meta:
        model = WarmUp
        fields = ("started_on", "first_day", "growth_percent", "days", "quota_today", "left_today")
        read_only_fields = fields

    def get_quota_today(self, plan: WarmUp) -> int | None:
        return warm_ups.quota(plan, timezone.now().date())

    def get_left_today(self, plan: WarmUp) -> dict[str, int]:
        return warm_ups.today(plan, now=timezone.now())


class WarmUpViewSet(NativeView, GenericViewSet):
    """The plan of one domain of the key's account."""

    serializer_class = WarmUpOutput
    queryset = WarmUp.objects.none()

    @extend_schema(summary="Show a domain's warm-up plan", responses=WarmUpOutput)
    def retrieve(self, request: Request, name: str) -> Response:
        return Response(WarmUpOutput(self._plan(name)).data)

    @extend_schema(
        summary="Set a domain's warm-up plan",
        description="What is over a day's quota waits for the next day. What left today counts on.",
        request=WarmUpInput,
        responses=WarmUpOutput,
    )
    @transaction.atomic
    def update(self, request: Request, name: str) -> Response:
        domain = self._domain(name)
        asked = WarmUpInput(data=request.data)
        asked.is_valid(raise_exception=True)
        given: dict[str, Any] = {"started_on": timezone.now().date()} | dict(asked.validated_data)
        plan = warm_ups.plan(domain, warm_ups.Terms(**given))
        self.note("domain.warm_up", domain, fields=request.data)
        return Response(WarmUpOutput(plan).data)

    @extend_schema(summary="End a domain's warm-up plan", responses={204: None})
    @transaction.atomic
    def destroy(self, request: Request, name: str) -> Response:
        plan = self._plan(name)
        self.note("domain.end_warm_up", plan.domain)
        warm_ups.end(plan)
        return Response(status=204)

    def get_object(self) -> WarmUp:
        """What OPTIONS asks for."""
        return self._plan(self.kwargs["name"])

    def _domain(self, name: str) -> Domain:
        own = Domain.objects.filter(account=self.credential.account_id, removed_at=None)
        domain = own.filter(name=addresses.canonical_domain(name)).first()
        if domain is None:
            raise Http404
        return domain

    def _plan(self, name: str) -> WarmUp:
        plan = warm_ups.of_domain(self._domain(name))
        if plan is None:
            raise Http404
        return plan
