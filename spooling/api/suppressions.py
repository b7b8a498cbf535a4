"""`/api/v1/suppressions/`: addresses that get no mail of the account."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import DestroyModelMixin
from rest_framework.request import Request
from rest_framework.viewsets import ReadOnlyModelViewSet

from earwig import addresses, errors, mailboxes, sealing
from earwig.web.serializers import StrictSerializer
from earwig.web.views import NativeView
from spooling import suppression_imports, suppressions
from spooling.api import uploads
from spooling.api.mails import MomentFilter
from spooling.api.outputs import AcceptedJob, SuppressionOutput
from spooling.models import Suppression
from spooling.models.spoolers import Lane
from spooling.models.suppressions import SuppressionReason

#: Rows of an export that are in memory at once.
CHUNK = 1000


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

    def validate_domain(self, value: str) -> str:
        try:
            return suppressions.checked_domain(value)
        except errors.InvalidDomain as error:
            raise serializers.ValidationError(error.message, code=error.code) from None


class SuppressionFilter(filters.FilterSet):
    address = filters.CharFilter(
        method="of_address", help_text="Found by its hash, so also after it was erased."
    )
    domain = filters.CharFilter(method="of_domain", help_text="The sending domain.")
    stream = filters.ChoiceFilter(choices=Lane.choices)
    reason = filters.ChoiceFilter(choices=SuppressionReason.choices)
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Suppression
        fields: tuple[str, ...] = ()

    def of_address(self, rows: QuerySet[Suppression], name: str, value: str) -> QuerySet[Suppression]:
        return rows.filter(address_hash=sealing.address_hash(value))

    def of_domain(self, rows: QuerySet[Suppression], name: str, value: str) -> QuerySet[Suppression]:
        return rows.filter(domain=addresses.canonical_domain(value))


@extend_schema_view(
    list=extend_schema(summary="List suppressions, newest first"),
    retrieve=extend_schema(summary="Show a suppression"),
    destroy=extend_schema(summary="Delete a suppression"),
)
class SuppressionViewSet(NativeView, DestroyModelMixin, ReadOnlyModelViewSet):
    """Suppressions of the key's account; the installation's own are not shown."""

    serializer_class = SuppressionOutput
    filterset_class = SuppressionFilter
    repeatable = ("create", "import_file")
    queryset = Suppression.objects.none()

    def get_queryset(self) -> QuerySet[Suppression]:
        return Suppression.objects.filter(account=self.credential.account_id).order_by("-id")

    @extend_schema(
        summary="Suppress an address", request=SuppressionInput, responses={201: SuppressionOutput}
    )
    def create(self, request: Request) -> HttpResponse:
        return self.once(self._suppress)

    @extend_schema(
        summary="Export suppressions",
        description=(
            "All that the filters leave, oldest first; a file that an import reads. Not those whose address was "
            "erased: they stand in the list."
        ),
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    @action(detail=False, pagination_class=None)
    def export(self, request: Request) -> StreamingHttpResponse:
        rows = self.filter_queryset(self.get_queryset()).exclude(address="").order_by("id")
        response = StreamingHttpResponse(_lines(rows), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="suppressions.csv"'
        return response

    @extend_schema(
        summary="Import suppressions",
        description=(
            f"CSV with a header, or a JSON object a line, of {', '.join(suppression_imports.COLUMNS)}; only "
            "`address` is needed. `/jobs/{id}/` tells how far it is, and which records were refused."
        ),
        request=uploads.BODY,
        responses={202: AcceptedJob},
    )
    @action(
        detail=False,
        methods=["post"],
        content_negotiation_class=uploads.FilesOnly,
        filterset_class=None,
        pagination_class=None,
    )
    def import_file(self, request: Request) -> HttpResponse:
        return self.once(self._import)

    @transaction.atomic
    def _import(self) -> tuple[int, Any]:
        job = suppression_imports.ask(
            self.credential.account_id,
            uploads.data_of(self.request),
            form=uploads.form_of(self.request),
            now=timezone.now(),
        )
        self.note("suppressions.import", job)
        return 202, {"job": job.public_id.hex, "state": job.state}

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


def _lines(rows: QuerySet[Suppression]) -> Iterator[bytes]:
    """The file, by CHUNK rows; what is added meanwhile may stand in it."""
    yield _csv([suppression_imports.COLUMNS])
    chunk = list(rows[:CHUNK])
    while chunk:
        shown = SuppressionOutput(chunk, many=True).data
        yield _csv([row[name] for name in suppression_imports.COLUMNS] for row in shown)
        chunk = list(rows.filter(pk__gt=chunk[-1].pk)[:CHUNK])


def _csv(rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
