"""`/api/v1/message/`: the messages of sets (Seed contract §3.4, §3.5)."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from earwig.web.seed import SeedView
from spooling.api.stages import filters
from spooling.api.stages.binary_contents import BinarySerializer
from spooling.api.stages.fields import WHOLE, ObjectField, OwnKey, OwnPublicId
from spooling.api.stages.resources import Resource
from spooling.models import BinaryContent, MessageSet, StageMessage
from templates_app.models import Template

_FIELDS = (
    "id",
    "messageset",
    "sequence_number",
    "lang",
    "metadata",
    "text_content",
    "binary_content",
    "template",
    "created_at",
    "updated_at",
)
#: Any one of them makes a message.
_CONTENTS = ("text_content", "binary_content", "template")


class MessageSerializer(serializers.ModelSerializer):
    messageset = OwnKey(queryset=MessageSet.objects.all())
    metadata = ObjectField(required=False)
    binary_content = OwnKey(queryset=BinaryContent.objects.defer("data"), allow_null=True, required=False)
    template = OwnPublicId(queryset=Template.objects.all(), allow_null=True, required=False)

    class Meta:
        model = StageMessage
        fields = _FIELDS
        extra_kwargs = {"sequence_number": WHOLE}


class ShownMessageSerializer(serializers.ModelSerializer):
    """A message with what it shows, not only with its id."""

    binary_content = BinarySerializer(allow_null=True)
    template = OwnPublicId(read_only=True, allow_null=True)

    class Meta:
        model = StageMessage
        fields = _FIELDS


def _require_content(row: StageMessage) -> None:
    """The one problem that the original answers as a list by itself."""
    if not any(getattr(row, name) for name in _CONTENTS):
        raise serializers.ValidationError(["Messages must have text or file attached"])


def _own(view: SeedView) -> QuerySet[StageMessage]:
    own = StageMessage.objects.filter(messageset__account=view.credential.account_id)
    return own.select_related("template").order_by("sequence_number", "id")


@extend_schema_view(
    list=extend_schema(summary="List messages"),
    retrieve=extend_schema(summary="Show a message"),
    create=extend_schema(summary="Add a message", responses={201: MessageSerializer}),
    update=extend_schema(summary="Replace a message"),
    partial_update=extend_schema(summary="Change a message"),
    destroy=extend_schema(summary="Delete a message"),
)
class MessageViewSet(Resource):
    """One message of a set in one language: a text, a file, a template."""

    serializer_class = MessageSerializer
    filterset_class = filters.MessageFilters
    queryset = StageMessage.objects.none()

    def get_queryset(self) -> QuerySet[StageMessage]:
        return _own(self)

    def make(self, data: dict[str, Any]) -> StageMessage:
        message = StageMessage(created_at=timezone.now(), **data)
        _require_content(message)
        message.save(force_insert=True)
        return message

    def change(self, row: StageMessage, data: dict[str, Any]) -> None:
        for name, value in data.items():
            setattr(row, name, value)
        _require_content(row)
        super().change(row, data)


class MessageContents(SeedView, GenericViewSet):
    """What a message shows."""

    serializer_class = ShownMessageSerializer
    queryset = StageMessage.objects.none()

    def get_queryset(self) -> QuerySet[StageMessage]:
        return _own(self).select_related("template", "binary_content").defer("binary_content__data")

    @extend_schema(summary="Show a message with its file")
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)
