"""The two kinds of native views: DRF's, and plain functions for hot paths. Both answer errors in JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ClassVar

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from earwig import audit, media_types
from earwig.credentials import Credential
from earwig.errors import EarwigError
from earwig.models.api_keys import Scope
from earwig.web import authentication, bodies, errors, idempotency, limits, schema

Plain = Callable[[HttpRequest, Credential], HttpResponse]


class JsonOnly(BaseContentNegotiation):
    """JSON in, JSON out, whatever the client says that it accepts."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        if media_types.bare(request.content_type) != "application/json":
            raise errors.NotJson
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> tuple[Any, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class NativeView(APIView):
    """A view for keys of one account; `scopes` by method, READ and MANAGE unless the view says otherwise."""

    schema = schema.NativeSchema()
    authentication_classes = [authentication.KeyAuthentication]
    permission_classes = [authentication.HasScope]
    throttle_classes = [limits.KeyThrottle]
    parser_classes = [bodies.JsonParser]
    content_negotiation_class = JsonOnly
    scopes: ClassVar[dict[str, str]] = {
        "GET": Scope.READ,
        "HEAD": Scope.READ,
        "POST": Scope.MANAGE,
        "PUT": Scope.MANAGE,
        "PATCH": Scope.MANAGE,
        "DELETE": Scope.MANAGE,
    }
    window: limits.Window | None = None

    @property
    def credential(self) -> Credential:
        """Whose data this is about: querysets start from its `account_id`."""
        return authentication.credential_in(self.request)

    def payload(self) -> Any:
        """What two calls with one Idempotency-Key must have in common."""
        return self.request.data

    def once(self, work: Callable[[], tuple[int, Any]]) -> HttpResponse:
        """The answer (status, data) of `work`, which an Idempotency-Key lets happen only once."""

        def answer() -> HttpResponse:
            status, data = work()
            return HttpResponse(JSONRenderer().render(data), status=status, content_type="application/json")

        call = idempotency.call_of(
            self.request._request,
            self.payload(),
            account_id=self.credential.account_id,
            now=timezone.now(),
        )
        return answer() if call is None else idempotency.once(call, answer)

    def note(self, action: str, row: models.Model, fields: Iterable[str] = ()) -> None:
        """Append to the audit trail that the key, or its user, did this. Belongs into the transaction that does it."""
        audit.note(self.credential, action, row, fields=fields, now=timezone.now())

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = super().dispatch(request, *args, **kwargs)
        # A view and its request refer to each other: large bodies would wait for the collector.
        self.request.parser_context.clear()
        return response

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Response:
        final = super().finalize_response(request, response, *args, **kwargs)
        if self.window is not None:
            _add_headers(final, self.window)
        return final


def _add_headers(response: HttpResponseBase, window: limits.Window) -> None:
    for name, value in window.headers.items():
        response[name] = value


def plain(scope: str) -> Callable[[Plain], Callable[[HttpRequest], HttpResponse]]:
    """A function `(request, credential)` as a view: authenticated, limited, its errors answered."""

    def decorate(view: Plain) -> Callable[[HttpRequest], HttpResponse]:
        @csrf_exempt
        @wraps(view)
        def answer(request: HttpRequest) -> HttpResponse:
            try:
                credential = authentication.credential_of(request)
                credential.require(scope)
                window = limits.take(credential)
                response = view(request, credential)
            except EarwigError as error:
                return errors.respond(error)
            if window is not None:
                _add_headers(response, window)
            return response

        return answer

    return decorate
