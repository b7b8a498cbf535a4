"""The base of Seed's own resources: like native views, but with the errors, bodies, paging and URLs that clients of
Seed's Stage-Based Messaging know (Seed contract §1, §12).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import IO, Any, ClassVar, Literal

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import IntegrityError
from django.http import Http404
from rest_framework import exceptions, serializers, views
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from earwig.errors import EarwigError
from earwig.models.api_keys import Scope
from earwig.web import authentication, bodies, errors, origins, schema
from earwig.web.views import JsonOnly, NativeView

log = logging.getLogger(__name__)


class MayCall(BasePermission):
    """The credential has the scope that the view names for the method, and is staff where the view asks for it.

    A verb that the view does not have is left to its 405.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not hasattr(view, (request.method or "").lower()):
            return True
        credential = authentication.credential_in(request)
        if view.staff_only and not credential.is_staff:
            return False
        return view.scopes.get(request.method, Scope.MANAGE) in credential.scopes


class AnyBody(JsonOnly):
    """Any kind of body that there is a parser for; JSON out, whatever the client says that it accepts."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        return DefaultContentNegotiation().select_parser(request, parsers)


class _Bounded:
    """Files of a form may be as large as a body, not larger."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        length = parser_context["request"].META.get("CONTENT_LENGTH") if parser_context else None
        if length and int(length) > settings.MAX_BODY_BYTES:
            raise errors.TooLarge
        return super().parse(stream, media_type, parser_context)  # type: ignore[misc]  # a parser comes next


class Form(_Bounded, FormParser):
    """`application/x-www-form-urlencoded`."""


class MultiPart(_Bounded, MultiPartParser):
    """`multipart/form-data`."""


class SeedPaging(LimitOffsetPagination):
    """1,000 by default: hubs change what they page through, and only one page of all is safe then (§12.4).

    A `limit` or `offset` that is no such number is as none; a very large `limit` is 5,000.
    """

    default_limit = 1000
    max_limit = 5000

    def get_next_link(self) -> str | None:
        return self._as_asked(super().get_next_link())

    def get_previous_link(self) -> str | None:
        return self._as_asked(super().get_previous_link())

    def _as_asked(self, link: str | None) -> str | None:
        """Under the very base URL that the client uses: it cuts that out of the link as text (§12.1)."""
        if link is None:
            return None
        request = self.request._request  # type: ignore[union-attr]  # paginate_queryset sets it
        return origins.absolute(request, link.removeprefix(request.build_absolute_uri("/")[:-1]))


class Problem(serializers.Serializer):
    detail = serializers.CharField()


class SeedSchema(schema.NativeSchema):
    """Has the original's error documents."""

    error = Problem

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies_ = super()._get_response_bodies(direction)
        bodies_["400"] = {"content": {"application/json": {"schema": REFUSED}}, "description": ""}
        return bodies_


#: Names of fields with what is wrong of each (`non_field_errors`: of all), or `detail`; a message that says nothing
#: is answered with the list alone.
_TEXTS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
REFUSED: dict[str, Any] = {
    "oneOf": [
        {"type": "object", "additionalProperties": {"oneOf": [_TEXTS, {"type": "string"}]}},
        _TEXTS,
    ],
    "example": {"identity": ["This field is required."]},
}


class SeedView(NativeView):
    """A view of Seed's own style. `staff_only`: for staff of the account alone, others get 403."""

    schema = SeedSchema()
    permission_classes = [MayCall]
    parser_classes = [bodies.JsonParser, Form, MultiPart]
    content_negotiation_class = AnyBody
    pagination_class: Any = SeedPaging
    staff_only: ClassVar[bool] = False
    scopes: ClassVar[dict[str, str]] = {**NativeView.scopes, "OPTIONS": Scope.READ}

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return handle

    def absolute(self, path: str) -> str:
        """A path of ours under the base URL that the caller uses."""
        return origins.absolute(self.request._request, path)


def handle(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler: `{"detail": …}`, or a text list by field. None lets the error rise to handler500."""
    if isinstance(exc, EarwigError):
        return Response(_document(exc), status=errors.status_of(exc), headers=_headers(exc))
    if isinstance(exc, RequestDataTooBig):
        return handle(errors.TooLarge(), context)
    if isinstance(exc, SuspiciousOperation):
        exc = exceptions.ParseError()
    elif isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, IntegrityError):
        # Checked before, so it has changed since: a name was taken, or what it refers to is gone.
        log.warning("A write met another one", extra={"path": context["request"].path})
        return Response({"detail": _MET}, status=HTTPStatus.CONFLICT)
    return views.exception_handler(exc, dict(context))


_MET = "Something else changed at the same moment; try again."
#: What the original says where our own words are others.
_WORDS: dict[str, str] = {
    "scope_missing": str(exceptions.PermissionDenied.default_detail),
    "not_authenticated": str(exceptions.NotAuthenticated.default_detail),
    "unknown_key": "Invalid token.",
    "wrong_login": "Invalid username/password.",
}


def _document(error: EarwigError) -> dict[str, Any]:
    if isinstance(error, errors.Rejected):
        return _by_field(error.problems)
    if isinstance(error, errors.InvalidJson):
        return {"detail": f"JSON parse error - {error.message}"}
    return {"detail": error.message if error.args else _WORDS.get(error.code, error.message)}


def _by_field(problems: Iterable[errors.Problem]) -> dict[str, list[str]]:
    document: dict[str, list[str]] = {}
    for problem in problems:
        document.setdefault(problem.field or "non_field_errors", []).append(problem.message)
    return document


def _headers(error: EarwigError) -> dict[str, str]:
    headers = errors.headers_of(error)
    if errors.status_of(error) == HTTPStatus.UNAUTHORIZED:
        return {**headers, "WWW-Authenticate": 'Basic realm="api"'}
    return headers
