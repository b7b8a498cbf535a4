"""Answers of the installation itself: its index, and errors in the form of their mount."""

from __future__ import annotations

import re
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt

from config import wires
from earwig.web import errors
from earwig.web.errors import Problem
from spooling.api.stages.urls import SEGMENTS
from spooling.mounts import Failure

#: First segments of paths that have a form of their own; all others are native, or a wire's.
_PAGES, _LINKED = ("admin", "static"), "t"

#: Seed's own resources, whose clients know `{"detail": …}`.
_SEED = re.compile(f"/api/(?:health|metrics|token-auth|v1/(?:user|{'|'.join(SEGMENTS)}))(?:[./]|$)")
_LINKS = {"docs": "/api/docs/", "schema": "/api/schema/", "admin": "/admin/", "health": "/healthz"}


@csrf_exempt
def index(request: HttpRequest) -> HttpResponseBase:
    """Where things are; a browser gets a page."""
    if request.method in ("GET", "HEAD") and "text/html" in request.headers.get("Accept", ""):
        return render(request, "config/index.html", {"links": _LINKS})
    product = {"name": "Earwig", "links": _LINKS}
    index_of_wire = next((mount.index for mount in wires.MOUNTS if mount.index), None)
    return JsonResponse(product) if index_of_wire is None else index_of_wire(request, product)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return failure(request, HTTPStatus.BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return failure(request, HTTPStatus.FORBIDDEN)


@csrf_exempt
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return failure(request, HTTPStatus.NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    return failure(request, HTTPStatus.INTERNAL_SERVER_ERROR)


_NATIVE: dict[int, tuple[str, str]] = {
    400: ("invalid", "The request is malformed."),
    403: ("forbidden", "This is not allowed."),
    404: ("not_found", "There is nothing here."),
    413: ("too_large", "The body is larger than this installation takes."),
    414: ("too_large", "The address is longer than this installation takes."),
    417: ("invalid", "What the request expects is not offered."),
    431: ("too_large", "The header fields are longer than this installation takes."),
    500: ("internal", "Something went wrong on our side."),
    501: ("invalid", "The body's transfer coding is unknown."),
    503: ("unavailable", "The database does not answer; try again in a moment."),
}
_DJANGO = {400: defaults.bad_request, 403: defaults.permission_denied, 404: defaults.page_not_found}


def failure(request: HttpRequest, status: HTTPStatus) -> HttpResponse:
    """An error outside of any view, in the form of the mount."""
    path = f"/{request.path_info.lstrip('/')}"
    code, said = _NATIVE[status]
    for mount in wires.MOUNTS:
        if mount.paths.match(path):
            return mount.failed(request, Failure(status=status, code=code, detail=said))
    if _SEED.match(path):
        return JsonResponse({"detail": "Not found." if code == "not_found" else said}, status=status)
    segment = path.split("/")[1]
    if segment == _LINKED:
        return HttpResponse(status.phrase.lower(), status=status, content_type="text/plain; charset=utf-8")
    if segment in _PAGES:
        page = _DJANGO.get(status)
        return page(request, Exception()) if page else defaults.server_error(request)
    return errors.plain(status, [Problem(None, None, code, said)])
