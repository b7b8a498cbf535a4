"""`/media/NAME`: uploaded files and hosted ones, public under their names, whole or by ranges (RFC 9110 §14)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus

from django.db.models import BinaryField
from django.db.models.functions import Length, Substr
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from earwig.web import customer_content
from spooling.models import BinaryContent, HostedFile

#: A name never gets another content: a new upload has a new name.
CACHED = "public, max-age=31536000, immutable"

_ONE_RANGE = re.compile(r"bytes=(?=.*[0-9])([0-9]{0,18})-([0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class _File:
    model: type[BinaryContent | HostedFile]
    id: int
    type: str
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class _Span:
    """Bytes `first` to `last` of a file, both included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1


@csrf_exempt
@require_safe
def serve(request: HttpRequest, name: str) -> HttpResponse:
    """The file, or the one range of it that is asked for. Raises Http404."""
    file = _file(name)
    if _tag(name) in request.headers.get("If-None-Match", ""):
        response = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
    elif asked := _asked_range(request, name):
        response = _part(request, file, _span(*asked, file.size))
    else:
        response = _bytes(request, file, _Span(0, file.size - 1))
    response["ETag"] = _tag(name)
    response["Cache-Control"] = CACHED
    response["Accept-Ranges"] = "bytes"
    return response


def _file(name: str) -> _File:
    """Raises Http404."""
    if not name.isprintable():
        raise Http404
    if hosted := HostedFile.objects.filter(token=name).values_list("id", "type", "name", "size").first():
        return _File(HostedFile, *hosted)
    uploaded = BinaryContent.objects.filter(name=name).annotate(length=Length("data"))
    if row := uploaded.values_list("id", "type", "name", "length").first():
        return _File(BinaryContent, *row)
    raise Http404


def _tag(name: str) -> str:
    """The entity tag: the name stands for the bytes."""
    return '"' + name + '"'


def _asked_range(request: HttpRequest, name: str) -> tuple[str, str] | None:
    """Its two ends, as written. What is no range, several at once and one that ends before it begins are answered
    with the whole (RFC 9110 §14.2).
    """
    if request.headers.get("If-Range", _tag(name)) != _tag(name):
        return None
    match = _ONE_RANGE.fullmatch(request.headers.get("Range", ""))
    if match is None or (match[1] and match[2] and int(match[2]) < int(match[1])):
        return None
    return match[1], match[2]


def _span(first: str, last: str, size: int) -> _Span | None:
    """None: nothing of the file is in the range."""
    if first:
        span = _Span(int(first), min(int(last or size), size - 1))
    else:
        span = _Span(max(size - int(last), 0), size - 1)
    return span if span.length > 0 else None


def _part(request: HttpRequest, file: _File, span: _Span | None) -> HttpResponse:
    if span is None:
        response = HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        response["Content-Range"] = f"bytes */{file.size}"
        return response
    response = _bytes(request, file, span)
    response.status_code = HTTPStatus.PARTIAL_CONTENT
    response["Content-Range"] = f"bytes {span.first}-{span.last}/{file.size}"
    return response


def _bytes(request: HttpRequest, file: _File, span: _Span) -> HttpResponse:
    """Of a long file only the part that is asked for leaves the database. Raises Http404 when it is gone."""
    data: bytes | None = b""
    if request.method != "HEAD":
        part = Substr("data", span.first + 1, span.length, output_field=BinaryField())
        data = file.model._default_manager.filter(pk=file.id).values_list(part, flat=True).first()
    if data is None:
        raise Http404
    response = customer_content.file(bytes(data), name=file.name, type_=file.type)
    response["Content-Length"] = str(span.length)
    return response
