"""What a campaign would do, and why a mail is where it is."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from earwig import errors
from earwig.web.errors import Problem, Rejected
from earwig.web.views import NativeView
from spooling.api import outputs
from spooling.api.spoolers import SpoolerView
from spooling.campaigns import explanations, preflights
from spooling.models import Mail


class ReasonOutput(serializers.Serializer):
    code = serializers.CharField(help_text="Stable; for programs.")
    message = serializers.CharField(help_text="For people.")
    at = serializers.DateTimeField(allow_null=True, help_text="Since when, or when.")


class ExplanationOutput(serializers.Serializer):
    mail = serializers.SerializerMethodField(help_text="32 hex digits; null where there is none.")
    state = serializers.CharField(allow_blank=True)
    summary = serializers.CharField(help_text="The reason that counts.")
    reasons = ReasonOutput(many=True, help_text="The strongest first.")

    def get_mail(self, found: explanations.Explanation) -> str | None:
        return None if found.mail is None else found.mail.public_id.hex


class PreflightView(SpoolerView):
    """Looks at a campaign before it is launched."""

    repeatable = ("create",)
    serializer_class = outputs.AcceptedJob

    @extend_schema(
        summary="Look at what a campaign would do",
        description=(
            "The result of the job counts what is `sendable` and what would be `skipped` and why; it has the first "
            "`errors` of mails that cannot be made, `missing_variables`, what a launch would refuse of the `message`, "
            "how many are `over_limit`, `predicted_end_at` (at the earliest) and whether that is in time, and the "
            "`score`."
        ),
        request=None,
        responses={202: outputs.AcceptedJob},
    )
    def create(self, request: Request, token: str) -> HttpResponse:
        return self.once(self._ask)

    @transaction.atomic
    def _ask(self) -> tuple[int, Any]:
        spooler = self.get_object()
        job = preflights.ask(spooler, now=timezone.now())
        self.note("spooler.preflight", spooler)
        return 202, {"job": job.public_id.hex, "state": job.state}


class SpoolerWhyView(SpoolerView):
    """Why somebody got a spooler's mail, or did not."""

    serializer_class = ExplanationOutput

    @extend_schema(
        summary="Why an address got a spooler's mail, or did not",
        parameters=[OpenApiParameter("address", str, required=True)],
        responses=ExplanationOutput,
    )
    def retrieve(self, request: Request, token: str) -> Response:
        spooler, address = self.get_object(), request.query_params.get("address", "")
        try:
            found = explanations.of_address(spooler, address, now=timezone.now())
        except errors.InvalidAddress as error:
            raise Rejected([Problem(None, "address", error.code, error.message)]) from None
        return Response(ExplanationOutput(found).data)


class MailWhyView(NativeView, GenericViewSet):
    """Why a mail is where it is."""

    serializer_class = ExplanationOutput
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    queryset = Mail.objects.none()

    def get_queryset(self) -> QuerySet[Mail]:
        own = Mail.objects.filter(account_id=self.credential.account_id)
        return own.select_related("spooler")

    @extend_schema(summary="Why a mail is where it is", responses=ExplanationOutput)
    def retrieve(self, request: Request, id: str) -> Response:
        found = explanations.of_mail(self.get_object(), now=timezone.now())
        return Response(ExplanationOutput(found).data)
