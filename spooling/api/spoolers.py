"""`/api/v1/spoolers/`: campaigns and standing streams, their properties and their ledgers."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpResponse
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from earwig import addresses
from earwig.models import Account, Domain
from earwig.web.serializers import StrictSerializer
from earwig.web.views import NativeView
from spooling import spoolers
from spooling.api import campaign_outputs, outputs
from spooling.api.campaign_inputs import CampaignInput, PropertiesInput
from spooling.api.mails import MomentFilter
from spooling.campaigns import properties, retries
from spooling.models import Spooler
from spooling.outbox import moves

_TAGGED_ON_SQLITE = """
SELECT spooler.id FROM spooling_spooler AS spooler, json_each(spooler.tags) AS tag
WHERE spooler.account_id = %s AND tag.value = %s
"""


class SpoolerFilter(filters.FilterSet):
    name = filters.CharFilter(lookup_expr="icontains", help_text="A part of the name.")
    tag = filters.CharFilter(method="tagged")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Spooler
        fields = ("state", "type", "lane")

    def tagged(self, rows: QuerySet[Spooler], name: str, value: str) -> QuerySet[Spooler]:
        if connection.vendor == "postgresql":
            return rows.filter(tags__contains=[value])
        return rows.filter(pk__in=RawSQL(_TAGGED_ON_SQLITE, [self.request.auth.account_id, value]))


class RetryInput(StrictSerializer):
    states = serializers.ListField(
        child=serializers.ChoiceField(choices=[state.value for state in moves.RETRIED]),
        min_length=1,
        default=list(moves.RETRIED),
        help_text="Which mails; without it all of these states.",
    )
    codes = serializers.ListField(
        child=serializers.IntegerField(min_value=200, max_value=599),
        default=list,
        max_length=100,
        help_text="Only those whose last reply had one of these codes, such as 550.",
    )


class SpoolerView(NativeView, GenericViewSet):
    """One of the account's spoolers; the hidden ones of drafts are not among them."""

    serializer_class: type[serializers.BaseSerializer] = outputs.SpoolerOutput
    lookup_field = "token"
    queryset = Spooler.objects.none()

    def get_queryset(self) -> QuerySet[Spooler]:
        own = Spooler.objects.shown_to(self.credential.account_id)
        return own.select_related("domain").order_by("-id")

    def shown(self, spooler: Spooler) -> Any:
        """The document of a spooler, with its progress."""
        return campaign_outputs.CampaignOutput(spooler, context={"now": timezone.now()}).data


@extend_schema_view(list=extend_schema(summary="List spoolers, newest first"))
class SpoolerViewSet(SpoolerView, ListModelMixin, RetrieveModelMixin):
    """Spoolers of the key's account."""

    filterset_class = SpoolerFilter
    repeatable = ("create", "retry")

    @extend_schema(summary="Show a spooler", responses=campaign_outputs.CampaignOutput)
    def retrieve(self, request: Request, token: str) -> Response:
        return Response(self.shown(self.get_object()))

    @extend_schema(
        summary="Open a campaign",
        description="It takes recipients and sends none before `ready`.",
        request=CampaignInput,
        responses={201: campaign_outputs.CampaignOutput},
    )
    def create(self, request: Request) -> HttpResponse:
        return self.once(self._open)

    @extend_schema(
        summary="Change a campaign",
        description="Once it was ready, `not_after` alone can be changed.",
        request=PropertiesInput,
        responses=campaign_outputs.CampaignOutput,
    )
    @transaction.atomic
    def partial_update(self, request: Request, token: str) -> Response:
        spooler = self.get_object()
        asked = PropertiesInput(data=request.data)
        asked.is_valid(raise_exception=True)
        changes = asked.validated_data
        if changes:
            properties.change(spooler, **changes)
        self.note("change", spooler, fields=changes)
        return Response(self.shown(spooler))

    @extend_schema(summary="The ledger of a spooler", responses=outputs.LedgerOutput)
    @action(detail=True, filterset_class=None)
    def ledger(self, request: Request, token: str) -> Response:
        """Every address that was handed over, by what became of it; exact as of the last commit."""
        return Response(outputs.ledger_of(self.get_object()))

    @extend_schema(
        summary="Retry a spooler's mails",
        description=(
            "Every mail that failed, was held or is in doubt by now waits again, or those of your choice; "
            "`/jobs/{id}/` tells how far it is. 409 when the spooler is cancelled."
        ),
        request=RetryInput,
        responses={202: outputs.AcceptedJob},
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def retry(self, request: Request, token: str) -> HttpResponse:
        return self.once(self._retry)

    @transaction.atomic
    def _open(self) -> tuple[int, Any]:
        asked = CampaignInput(data=self.request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        domain, lane = self._domain(said.pop("domain", None)), said.pop("lane")
        account = Account(pk=self.credential.account_id)
        spooler = spoolers.open_campaign(account, lane=lane, domain=domain, now=timezone.now())
        if said:
            properties.change(spooler, **said)
        self.note("add", spooler, fields=self.request.data)
        return 201, self.shown(spooler)

    def _domain(self, name: str | None) -> Domain | None:
        if not name:
            return None
        own = Domain.objects.filter(account=self.credential.account_id, removed_at=None, disabled=False)
        found = own.filter(name=addresses.canonical_domain(name)).first()
        if found is None:
            flaw = {"domain": "The account has no such domain."}
            raise serializers.ValidationError(flaw, code="unknown_domain")
        return found

    @transaction.atomic
    def _retry(self) -> tuple[int, Any]:
        spooler = self.get_object()
        asked = RetryInput(data=self.request.data)
        asked.is_valid(raise_exception=True)
        job = retries.ask(spooler, **asked.validated_data, now=timezone.now())
        self.note("spooler.retry", spooler)
        return 202, {"job": job.public_id.hex, "state": job.state}
