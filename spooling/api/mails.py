"""`/api/v1/mails/`: what was handed over and what became of it. Sending itself is `spooling.api.sending`."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.http import Http404, HttpResponse
from django.utils import timezone
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from earwig import errors, mailboxes
from earwig.web import paging
from earwig.web.views import NativeView
from spooling import ledger
from spooling.api import examples, outputs, sending
from spooling.models import Mail, Spooler, Submission
from spooling.models.mails import MailQuerySet, MailState
from spooling.models.spoolers import SpoolerState
from spooling.outbox import moves
from stats import events

#: Where neither the ledger nor an index knows the number, counting stops here: no page lies deeper.
MOST_COUNTED = paging.MAX_OFFSET + 1000

_TAGGED_ON_SQLITE = """
SELECT call.id FROM spooling_submission AS call, json_each(call.tags) AS tag
WHERE call.account_id = %s AND tag.value = %s
"""


class MomentField(IsoDateTimeField):
    """Also refuses what no moment of UTC's calendar is, such as 9999-12-31T23:59:59-10:00."""

    def clean(self, value: Any) -> datetime | None:
        moment: datetime | None = super().clean(value)
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class MomentFilter(filters.IsoDateTimeFilter):
    field_class = MomentField


class MailFilter(filters.FilterSet):
    state = filters.ChoiceFilter(choices=MailState.choices, method="in_state")
    to = filters.CharFilter(method="sent_to", help_text="The recipient's address.")
    domain = filters.CharFilter(field_name="domain__name", help_text="The sending domain.")
    spooler = filters.CharFilter(method="of_spooler", help_text="A spooler's token.")
    tag = filters.CharFilter(method="tagged")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Mail
        fields: tuple[str, ...] = ()

    def in_state(self, mails: QuerySet[Mail], name: str, value: str) -> QuerySet[Mail]:
        """By what is shown (`Mail.shown_state`)."""
        cancelled = Spooler.objects.filter(account=self._account_id, state=SpoolerState.CANCELLED)
        waits_in_vain = Q(state=MailState.WAITING, spooler__in=cancelled.values("id"))
        if value == MailState.WAITING:
            return mails.filter(state=value).exclude(waits_in_vain)
        return mails.filter(
            Q(state=value) | waits_in_vain if value == MailState.CANCELLED else Q(state=value)
        )

    def sent_to(self, mails: MailQuerySet, name: str, value: str) -> MailQuerySet:
        """As it was given or as it was stored: with the domain in lower case and A-labels."""
        try:
            return mails.to_addresses((value, mailboxes.normal(value)))
        except errors.InvalidAddress:
            return Mail.objects.none()

    def of_spooler(self, mails: QuerySet[Mail], name: str, value: str) -> QuerySet[Mail]:
        found = (
            Spooler.objects.filter(account=self._account_id, token=value).values_list("id", flat=True).first()
        )
        return mails.none() if found is None else mails.filter(spooler_id=found)

    def tagged(self, mails: QuerySet[Mail], name: str, value: str) -> QuerySet[Mail]:
        if connection.vendor == "postgresql":
            calls = Submission.objects.filter(account=self._account_id, tags__contains=[value])
            return mails.filter(submission__in=calls.values("id"))
        return mails.filter(submission__in=RawSQL(_TAGGED_ON_SQLITE, [self._account_id, value]))

    @property
    def _account_id(self) -> int:
        return int(self.request.auth.account_id)


@extend_schema_view(
    list=extend_schema(summary="List mails, newest first"),
    retrieve=extend_schema(summary="Show a mail"),
)
class MailViewSet(NativeView, ListModelMixin, RetrieveModelMixin, GenericViewSet):
    """Mails of the key's account. Mails that wait in a cancelled spooler are shown as cancelled."""

    serializer_class = outputs.MailOutput
    filterset_class = MailFilter
    lookup_url_kwarg = "id"
    repeatable = ("create",)
    queryset = Mail.objects.none()

    def get_queryset(self) -> QuerySet[Mail]:
        return (
            Mail.objects.filter(account_id=self.credential.account_id)
            .select_related("content", "spooler", "submission")
            .only(*outputs.MAIL_COLUMNS)
            .order_by("-id")
        )

    def get_object(self) -> Mail:
        try:
            public_id = uuid.UUID(hex=self.kwargs["id"])
            return self.get_queryset().get(public_id=public_id)
        except (ValueError, Mail.DoesNotExist):
            raise Http404 from None

    def count(self, mails: QuerySet[Mail]) -> int:
        """From the ledger where nothing but a spooler is asked for; else counted, up to 101,000."""
        asked = {name for name in MailFilter.base_filters if self.request.query_params.get(name)}
        if not asked:
            return ledger.of_account(self.credential.account_id)["spooled"]
        if asked == {"spooler"}:
            own = Spooler.objects.filter(account=self.credential.account_id)
            found = own.filter(token=self.request.query_params["spooler"]).first()
            return 0 if found is None else ledger.of_spooler(found.pk)["spooled"]
        return mails.order_by().select_related(None).values("id")[:MOST_COUNTED].count()

    @extend_schema(
        summary="Send mail",
        description=examples.SENDING,
        request=examples.BODY,
        responses={201: outputs.Accepted},
        examples=examples.SEND,
    )
    def create(self, request: Request) -> HttpResponse:
        return sending.send(request._request)

    @extend_schema(summary="What happened to a mail", responses=outputs.EventOutput(many=True))
    @action(detail=True, filterset_class=None)
    def events(self, request: Request, id: str) -> Response:
        mail = self.get_object()
        page = self.paginator.paginate_queryset(events.of_mail(mail.pk), request)  # type: ignore[union-attr]
        context = {"mail": mail.public_id.hex, "spooler": mail.spooler.token}
        return self.get_paginated_response(outputs.EventOutput(page, many=True, context=context).data)

    @extend_schema(summary="Cancel a mail", request=None, responses=outputs.MailOutput)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, id: str) -> Response:
        """200, also when it is cancelled already; 409 when it has left."""
        mail = self.get_object()
        if mail.shown_state(mail.spooler.state) != MailState.CANCELLED:
            moves.cancel(mail, now=timezone.now())
        return Response(outputs.MailOutput(self.get_object()).data)
