"""`/api/v1/events/`: everything that happened to the account's mails, to be read on from where one stopped."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.mixins import ListModelMixin
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from earwig import domains
from earwig.web import errors, paging
from earwig.web.views import NativeView
from spooling import event_objects
from spooling.api import outputs
from spooling.models import Mail, Spooler
from stats import cursors, events
from stats.models import Event, EventKind


class EventFilter(filters.FilterSet):
    kind = filters.MultipleChoiceFilter(choices=EventKind.choices)
    spooler = filters.CharFilter(method="of_spooler", help_text="A spooler's token.")
    mail = filters.CharFilter(method="of_mail", help_text="A mail's id.")
    domain = filters.CharFilter(method="of_domain", help_text="The sending domain.")

    class Meta:
        model = Event
        fields: tuple[str, ...] = ()

    def of_spooler(self, rows: QuerySet[Event], name: str, value: str) -> QuerySet[Event]:
        return rows.filter(spooler_id__in=_ids(Spooler.objects.filter(account=self._account_id, token=value)))

    def of_mail(self, rows: QuerySet[Event], name: str, value: str) -> QuerySet[Event]:
        try:
            public_id = uuid.UUID(hex=value)
        except ValueError:
            return rows.none()
        return rows.filter(
            mail_id__in=_ids(Mail.objects.filter(account_id=self._account_id, public_id=public_id))
        )

    def of_domain(self, rows: QuerySet[Event], name: str, value: str) -> QuerySet[Event]:
        domain = domains.find(self._account_id, value)
        return rows.none() if domain is None else rows.filter(domain_id=domain.pk)

    @property
    def _account_id(self) -> int:
        return int(self.request.auth.account_id)


def _ids(rows: QuerySet[Any]) -> list[int]:
    """Known before the events are looked for: the planner sees how few they are."""
    return list(rows.values_list("id", flat=True))


class EventPaging(BasePagination):
    """`after` is the `next` of the answer before. Reading on from there, a client sees every event once."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        limit = min(paging.number(request, "limit", paging.Paging.default_limit, lowest=1), MOST_EVENTS)
        found, self.position = events.after(_position(request), queryset, limit=limit)
        return found

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self.position.token})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        following = {"type": "string", "description": "For `after`, also when there is nothing new yet."}
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {"results": schema, "next": following},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            _parameter("after", "The `next` of an earlier answer; from the beginning without it.", "string"),
            _parameter("limit", f"100 without it, at most {MOST_EVENTS:,}.", "integer"),
        ]


#: Of one answer.
MOST_EVENTS = 1000


def _parameter(name: str, description: str, type_: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": {"type": type_}}


def _position(request: Request) -> cursors.Position:
    token = request.query_params.get("after", "")
    if not token:
        return cursors.START
    try:
        return cursors.of_token(token)
    except ValueError:
        problem = errors.Problem(None, "after", "invalid", "This is not the `next` of an answer.")
        raise errors.Rejected([problem]) from None


class ListedEvent(outputs.EventOutput):
    """One happening; never names an address."""

    def get_mail(self, event: Event) -> str:
        return str(self.context["mails"].get(event.mail_id, ""))

    def get_spooler(self, event: Event) -> str:
        return str(self.context["spoolers"].get(event.spooler_id, ""))


@extend_schema_view(
    list=extend_schema(
        summary="Read events, oldest first",
        description=(
            "Ask again with `after` set to the last answer's `next` to get what happened since: nothing is "
            "missed and nothing comes twice. An event is shown once no older transaction is still running, "
            "which mostly takes milliseconds."
        ),
    )
)
class EventViewSet(NativeView, ListModelMixin, GenericViewSet):
    """Events of the key's account."""

    serializer_class = ListedEvent
    filterset_class = EventFilter
    pagination_class = EventPaging
    queryset = Event.objects.none()

    def get_queryset(self) -> QuerySet[Event]:
        return Event.objects.filter(account_id=self.credential.account_id)

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        if args:
            kwargs["context"] = {**self.get_serializer_context(), **event_objects.names(args[0])}
        return super().get_serializer(*args, **kwargs)
