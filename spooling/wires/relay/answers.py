"""Answers of the wire: documents that name their form, and errors (contract §1.2, §1.5)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from earwig.web import bodies, origins
from spooling.wires.relay import errors, relations
from spooling.wires.relay.errors import Number

#: Where the wire is mounted once more, beside its paths at the root.
PREFIX = "/relay"
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Location, Retry-After, WWW-Authenticate",
}
#: What a browser may do from a page of another origin.
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, g-recaptcha-response",
    "Access-Control-Max-Age": "86400",
}


def base(request: HttpRequest) -> str:
    """Where the API begins for this caller, without a slash at its end."""
    prefix = PREFIX if f"{request.path_info}/".startswith(f"{PREFIX}/") else ""
    try:
        return origins.absolute(request, prefix)
    except DisallowedHost:
        return str(settings.PUBLIC_URL).rstrip("/") + prefix


def answer(
    request: HttpRequest,
    value: Any,
    *,
    schema: str,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """A document that has one of the forms of `relations.SCHEMAS`."""
    type_ = "application/json"
    if schema == "problem" and "application/problem+json" in request.META.get("HTTP_ACCEPT", ""):
        type_ = "application/problem+json"
    profile, body = f"{base(request)}/schemas/{schema}.json", bodies.dump(value)
    return HttpResponse(
        body,
        status=status,
        content_type=f"{type_}; charset=utf-8; profile={profile}",
        # Said here, for what is answered around the middleware has it from nobody else.
        headers={"Content-Length": str(len(body)), **CORS, **(headers or {})},
    )


def problem(
    request: HttpRequest,
    number: Number,
    detail: str,
    *,
    home: str = "",
    members: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The error document; `home` is the account's path, where the caller was let in."""
    document = {
        "title": errors.TITLES[number],
        "status": number.status,
        "errorCode": number.code,
        "detail": detail,
        **(members or {}),
        "type": errors.page_of(number),
        "_links": [relations.account_home(home) if home else relations.NO_ACCOUNT_HOME],
    }
    challenge = {"WWW-Authenticate": "Bearer"} if number.status == HTTPStatus.UNAUTHORIZED else {}
    return answer(
        request, document, schema="problem", status=number.status, headers={**challenge, **(headers or {})}
    )


def outside(request: HttpRequest, status: HTTPStatus, detail: str) -> HttpResponse:
    """The error document of what no view answers."""
    if status == HTTPStatus.NOT_FOUND:
        return no_route(request)
    number = Number(status, 0)
    if number not in errors.TITLES:
        number = errors.NUMBERS["invalid"]
    members = {"errors": [{"key": "", "detail": detail}]} if number == errors.INVALID else {}
    return problem(request, number, detail, members=members)


def no_route(request: HttpRequest) -> HttpResponse:
    """That there is no such path."""
    path = request.path_info
    return problem(
        request,
        errors.NO_ROUTE,
        f"Route not found resolving `{path}`",
        members={"resourceNotFoundPath": path},
    )
