"""Answers of the installation itself: its index, and errors in the form of their mount."""

from __future__ import annotations

import re
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt

from earwig.web import errors
from earwig.web.errors import Problem
from spooling.api.stages.urls import SEGMENTS
from spooling.wires.relay import answers as relay
from spooling.wires.relay.views.entrance import IndexView as RelayIndexView

#: First segments of paths, by whose form their errors take; all others are native.
_PAGES = ("admin", "static")
_SMTPETER = ("v1", "smtpeter")
_PLAIN_TEXT = ("handoff", "sender", "message", "flag", "statistics", "management", "t")

#: Seed's own resources, whose clients know `{"detail": …}`.
_SEED = re.compile(f"/api/(?:health|metrics|token-auth|v1/(?:user|{'|'.join(SEGMENTS)}))(?:[./]|$)")
#: Octosend's mounts, and the one slug of its error document that the native code does not spell.
_OCTOSEND = re.compile(r"/(?:api/v?3\.0|octosend)(?:/|$)")
_OCTOSEND_SLUGS = {400: "invalid-json"}

_RELAY = ("relay", "accounts", "user", "tokens", "reports", "schemas", "docs")

_LINKS = {"docs": "/api/docs/", "schema": "/api/schema/", "admin": "/admin/", "health": "/healthz"}


#: The index of the Relay wire, which tells of all that is here too.
_index = RelayIndexView.as_view(product={"name": "Earwig", "links": _LINKS})


@csrf_exempt
def index(request: HttpRequest) -> HttpResponseBase:
    """Where things are; a browser gets a page."""
    if request.method in ("GET", "HEAD") and "text/html" in request.headers.get("Accept", ""):
        return render(request, "config/index.html", {"links": _LINKS})
    return _index(request)


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
    mount = request.path_info.lstrip("/").partition("/")[0]
    if mount in _PLAIN_TEXT:
        return HttpResponse(status.phrase.lower(), status=status, content_type="text/plain; charset=utf-8")
    if _SEED.match(request.path_info):
        said = "Not found." if status == HTTPStatus.NOT_FOUND else _NATIVE[status][1]
        return JsonResponse({"detail": said}, status=status)
    if _OCTOSEND.match(request.path_info):
        return _octosend(status)
    if mount in _RELAY:
        return relay.outside(request, status, _NATIVE[status][1])
    if mount in _SMTPETER:
        return JsonResponse({"error": _NATIVE[status][1]}, status=status)
    if mount in _PAGES:
        page = _DJANGO.get(status)
        return page(request, Exception()) if page else defaults.server_error(request)
    return errors.plain(status, [Problem(None, None, *_NATIVE[status])])


def _octosend(status: HTTPStatus) -> HttpResponse:
    code, said = _NATIVE[status]
    slug = _OCTOSEND_SLUGS.get(status, code.replace("_", "-"))
    return JsonResponse({"error": said, "code": slug, "details": {}}, status=status)
