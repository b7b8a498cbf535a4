"""Bodies that are files of records: CSV (RFC 4180) or one JSON object a line, in UTF-8."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from drf_spectacular.types import OpenApiTypes
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from earwig import media_types
from earwig.web import errors
from earwig.web.views import JsonOnly
from spooling.job_records import Form

_TYPES = {
    "text/csv": Form.CSV,
    "application/x-ndjson": Form.JSON_LINES,
    "application/jsonl": Form.JSON_LINES,
}
#: The body of an operation, for its document.
BODY = {media_type: OpenApiTypes.STR for media_type in _TYPES}


class FileParser(BaseParser):
    """The body as an uploaded file: an Idempotency-Key compares its bytes."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(settings.MAX_BODY_BYTES + 1)
        if len(body) > settings.MAX_BODY_BYTES:
            raise errors.TooLarge
        return SimpleUploadedFile("upload", body)


class FilesOnly(JsonOnly):
    """A file in, JSON out."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        form_of(request)
        return FileParser()


def form_of(request: Request) -> Form:
    """How the records of the body are written. Raises UnsupportedMediaType."""
    media_type = media_types.bare(request.content_type)
    if media_type not in _TYPES:
        raise UnsupportedMediaType(request.content_type, f"Send the body as one of {', '.join(_TYPES)}.")
    return _TYPES[media_type]


def data_of(request: Request) -> bytes:
    """The file. DRF asks no parser about a body of no bytes."""
    return request.data.read() if isinstance(request.data, SimpleUploadedFile) else b""
