"""`/api/v1/suppressions/`: addresses that get no mail of the account."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.mixins import DestroyModelMixin
from rest_framework.request import Request
from rest_framework.viewsets import ReadOnlyModelViewSet

from earwig import errors, mailboxes, sealing
from earwig.web.serializers import StrictSerializer
from earwig.web.views import NativeView
from spooling import suppressions
from spooling.api.outputs import SuppressionOutput
from spooling.models import Suppression
from spooling.models.spoolers import Lane
from spooling.models.suppressions import SuppressionReason


class SuppressionInput(StrictSerializer):
    address = serializers.CharField(max_length=320)
    stream = serializers.ChoiceField(choices=Lane.choices, allow_blank=True, default="")
    domain = serializers.CharField(max_length=253, allow_blank=True, default="")
    reason = serializers.ChoiceField(
        choices=SuppressionReason.choices, default=SuppressionReason.MANUAL.value
    )

    def validate_address(self, value: str) -> str:
        try:
            return mailboxes.normal(value)
        except errors.InvalidAddress as error:
            raise serializers.ValidationError(error.message, code=error.code) from None


class SuppressionFilter(filters.FilterSet):
    address = filters.CharFilter(
        method="of_address", help_text="Found by its hash, so also after it was erased."
    )

    class Meta:
        model = Suppression
        fields = ("reason", "stream", "domain")

    def of_address(self, rows: QuerySet[Suppression], name: str, value: str) -> QuerySet[Suppression]:
        return rows.filter(address_hash=sealing.address_hash(value))


@extend_schema_view(
    list=extend_schema(summary="List suppressions, newest first"),
    retrieve=extend_schema(summary="Show a suppression"),
    destroy=extend_schema(summary="Delete a suppression"),
)
class SuppressionViewSet(NativeView, DestroyModelMixin, ReadOnlyModelViewSet):
    """Suppressions of the key's account; the installation's own are not shown."""

    serializer_class = SuppressionOutput
    filterset_class = SuppressionFilter
    repeatable = ("create",)
    queryset = Suppression.objects.none()

    def get_queryset(self) -> QuerySet[Suppression]:
        return Suppression.objects.filter(account=self.credential.account_id).order_by("-id")

    @extend_schema(
        summary="Suppress an address", request=SuppressionInput, responses={201: SuppressionOutput}
    )
    def create(self, request: Request) -> HttpResponse:
        return self.once(self._suppress)

    def perform_destroy(self, instance: Suppression) -> None:
        with transaction.atomic():
            self.note("delete", instance)
            instance.delete()

    @transaction.atomic
    def _suppress(self) -> tuple[int, Any]:
        asked = SuppressionInput(data=self.request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        scope = suppressions.Scope(
            account_id=self.credential.account_id, domain=data["domain"], stream=data["stream"]
        )
        row = suppressions.suppress(
            scope, data["address"], reason=data["reason"], source="api", now=timezone.now()
        )
        self.note("add", row, fields=self.request.data)
        return 201, SuppressionOutput(row).data
