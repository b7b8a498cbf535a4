"""`/api/v1/spoolers/`: campaigns and standing streams, and their ledgers."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from earwig.web.views import NativeView
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
    queryset = Spooler.objects.none()

    def get_queryset(self) -> QuerySet[Spooler]:
        own = Spooler.objects.filter(account=self.credential.account_id).exclude(type=SpoolerType.DRAFT)
        return own.select_related("domain").order_by("-id")

    @extend_schema(summary="The ledger of a spooler", responses=outputs.LedgerOutput)
    @action(detail=True, filterset_fields=())
    def ledger(self, request: Request, token: str) -> Response:
        """Every address that was handed over, by what became of it; exact as of the last commit."""
        return Response(outputs.ledger_of(self.get_object()))
