"""`/api/v1/spoolers/`: campaigns and standing streams, and their ledgers."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from earwig.web.views import NativeView
from spooling import jobs
from spooling.api import outputs
from spooling.models import Spooler
from spooling.models.spoolers import SpoolerType


@extend_schema_view(
    list=extend_schema(summary="List spoolers, newest first"),
    retrieve=extend_schema(summary="Show a spooler"),
)
class SpoolerViewSet(NativeView, ReadOnlyModelViewSet):
    """Spoolers of the key's account."""

    serializer_class = outputs.SpoolerOutput
    lookup_field = "token"
    filterset_fields = ("state", "type", "lane")
    repeatable = ("retry",)
    queryset = Spooler.objects.none()

    def get_queryset(self) -> QuerySet[Spooler]:
        own = Spooler.objects.filter(account=self.credential.account_id).exclude(type=SpoolerType.DRAFT)
        return own.select_related("domain").order_by("-id")

    @extend_schema(summary="The ledger of a spooler", responses=outputs.LedgerOutput)
    @action(detail=True, filterset_fields=())
    def ledger(self, request: Request, token: str) -> Response:
        """Every address that was handed over, by what became of it; exact as of the last commit."""
        return Response(outputs.ledger_of(self.get_object()))

    @extend_schema(
        summary="Retry a spooler's mails",
        description=(
            "Every mail that failed, was held or is in doubt by now waits again; `/jobs/{id}/` tells how far it "
            "is. 409 when the spooler is cancelled."
        ),
        request=None,
        responses={202: outputs.AcceptedJob},
    )
    @action(detail=True, methods=["post"], filterset_fields=())
    def retry(self, request: Request, token: str) -> HttpResponse:
        return self.once(self._retry)

    @transaction.atomic
    def _retry(self) -> tuple[int, Any]:
        spooler = self.get_object()
        job = jobs.ask_retry(spooler, now=timezone.now())
        self.note("spooler.retry", spooler)
        return 202, {"job": job.public_id.hex, "state": job.state}
