"""`/api/v1/binarycontent/`: uploaded files (Seed contract §3.6). They are read at `/media/`."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from spooling.api.stages.resources import Resource
from spooling.models import BinaryContent
from spooling.stages import binary_contents

_NONE = "No file was submitted."


class UploadField(serializers.FileField):
    """A file comes in, the URL where everybody can read it goes out."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.error_messages |= {"required": _NONE, "empty": _NONE, "null": _NONE}

    def get_attribute(self, instance: BinaryContent) -> Any:
        return str(self.context["view"].absolute(binary_contents.path_of(instance)))

    def to_representation(self, value: Any) -> str:
        return str(value)


class BinarySerializer(serializers.ModelSerializer):
    content = UploadField()

    class Meta:
        model = BinaryContent
        fields = ("id", "content")


def _upload(file: UploadedFile) -> binary_contents.Upload:
    return binary_contents.Upload(filename=file.name or "", type=file.content_type or "", data=file.read())


_FILE = {"type": "object", "properties": {"content": {"type": "string", "format": "binary"}}}
_UPLOAD = {"multipart/form-data": {**_FILE, "required": ["content"]}}


@extend_schema_view(
    list=extend_schema(summary="List files"),
    retrieve=extend_schema(summary="Show a file"),
    create=extend_schema(summary="Upload a file", request=_UPLOAD, responses={201: BinarySerializer}),
    update=extend_schema(
        summary="Replace a file",
        request=_UPLOAD,
        description="Under a new URL: what is cached never changes.",
    ),
    partial_update=extend_schema(
        summary="Replace a file, or nothing", request={"multipart/form-data": _FILE}
    ),
    destroy=extend_schema(summary="Delete a file", description="409 while a message shows it."),
)
class BinaryContentViewSet(Resource):
    """Images and sounds of messages; everybody can read them."""

    serializer_class = BinarySerializer
    queryset = BinaryContent.objects.none()

    def get_queryset(self) -> QuerySet[BinaryContent]:
        return BinaryContent.objects.filter(account=self.credential.account_id).defer("data").order_by("id")

    def make(self, data: dict[str, Any]) -> BinaryContent:
        upload = _upload(data["content"])
        return binary_contents.store(self.credential.account_id, upload, now=timezone.now())

    def change(self, row: BinaryContent, data: dict[str, Any]) -> None:
        if "content" in data:
            binary_contents.replace(row, _upload(data["content"]), now=timezone.now())

    def remove(self, row: BinaryContent) -> None:
        binary_contents.remove(row)
