"""`/api/v1/messageset/`, the messages of a set, and the languages of all sets (Seed contract §3.2, §3.3, §3.7)."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from earwig.errors import EarwigError
from earwig.web.seed import SeedView
from spooling.api.stages import filters
from spooling.api.stages.fields import OwnKey, own
from spooling.api.stages.messages import ShownMessageSerializer
from spooling.api.stages.resources import Resource
from spooling.models import MessageSet, Schedule, StageMessage
from spooling.stages import message_sets, wordings

#: §3.3: fewer keys than the set itself has, as the original.
_WITH_MESSAGES = (
    "id",
    "short_name",
    "notes",
    "next_set",
    "default_schedule",
    "messages",
    "created_at",
    "updated_at",
)


class MessageSetSerializer(serializers.ModelSerializer):
    next_set = OwnKey(queryset=MessageSet.objects.all(), allow_null=True, required=False)
    default_schedule = OwnKey(queryset=Schedule.objects.all())

    class Meta:
        model = MessageSet
        fields = (
            "id",
            "short_name",
            "label",
            "content_type",
            "notes",
            "next_set",
            "default_schedule",
            "channel",
            "from_address",
            "created_at",
            "updated_at",
        )

    def validate_short_name(self, value: str) -> str:
        others = own(self, MessageSet.objects.filter(short_name=value))
        if self.instance is not None:
            others = others.exclude(pk=self.instance.pk)
        if others.exists():
            raise serializers.ValidationError("MessageSet with this Short name already exists.")
        return value

    def validate_from_address(self, value: str) -> str:
        """An author that the account and the key may write mail as."""
        if not value:
            return value
        credential = self.context["view"].credential
        try:
            author = wordings.author_of(credential.account_id, value)
            credential.require_author(author.email)
        except EarwigError as refused:
            raise serializers.ValidationError(refused.message) from None
        return value


class SetWithMessagesSerializer(serializers.ModelSerializer):
    messages = ShownMessageSerializer(many=True)
    # The same messages as a page of a list, for those who read the documentation so.
    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ShownMessageSerializer(many=True)

    class Meta:
        model = MessageSet
        fields = (*_WITH_MESSAGES, "count", "next", "previous", "results")


@extend_schema_view(
    list=extend_schema(summary="List message sets"),
    retrieve=extend_schema(summary="Show a message set"),
    create=extend_schema(summary="Add a message set", responses={201: MessageSetSerializer}),
    update=extend_schema(summary="Replace a message set"),
    partial_update=extend_schema(summary="Change a message set"),
    destroy=extend_schema(
        summary="Delete a message set",
        description="With its messages; sets before it end without a next one. 409 while subscriptions exist.",
    ),
)
class MessageSetViewSet(Resource):
    """Messages that go out one after the other."""

    serializer_class = MessageSetSerializer
    filterset_class = filters.MessageSetFilters
    queryset = MessageSet.objects.none()

    def get_queryset(self) -> QuerySet[MessageSet]:
        return MessageSet.objects.filter(account=self.credential.account_id).order_by("id")

    def make(self, data: dict[str, Any]) -> MessageSet:
        return MessageSet.objects.create(
            account_id=self.credential.account_id, created_at=timezone.now(), **data
        )

    def remove(self, row: MessageSet) -> None:
        message_sets.remove(row)


class SetMessagesViewSet(SeedView, GenericViewSet):
    """The messages of one set, in all languages."""

    serializer_class = SetWithMessagesSerializer
    queryset = MessageSet.objects.none()

    def get_queryset(self) -> QuerySet[MessageSet]:
        return MessageSet.objects.filter(account=self.credential.account_id)

    @extend_schema(
        summary="Show a message set with its messages",
        description="All of them in `messages`; in `results` those of the page.",
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        message_set = self.get_object()
        rows = StageMessage.objects.filter(messageset=message_set).order_by("sequence_number", "id")
        rows = rows.select_related("binary_content", "template").defer("binary_content__data")
        shown = ShownMessageSerializer(rows, many=True, context=self.get_serializer_context()).data
        pages = self.pagination_class()
        page = pages.paginate_queryset(shown, request, view=self)
        whole = MessageSetSerializer(message_set, context=self.get_serializer_context()).data
        whole["messages"] = shown
        document = {name: whole[name] for name in _WITH_MESSAGES}
        return Response({**document, **pages.get_paginated_response(page).data})


class LanguagesViewSet(SeedView, GenericViewSet):
    """The languages of all sets."""

    pagination_class = None

    @extend_schema(
        summary="The languages of all message sets",
        description="By id of each set, as text, the languages of its messages.",
        responses={
            200: {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}
        },
        operation_id="messageset_languages",
    )
    def show(self, request: Request) -> Response:
        found = message_sets.languages(self.credential.account_id)
        return Response({str(set_id): languages for set_id, languages in found.items()})
