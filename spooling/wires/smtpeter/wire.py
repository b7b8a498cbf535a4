"""Tokens, answers and errors of the SMTPeter wire, and the view that all its views derive from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import chain
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.request import Request

from earwig import api_keys
from earwig.errors import EarwigError
from earwig.models.api_keys import Scope
from earwig.web import bodies as web_bodies
from earwig.web import errors as web_errors
from earwig.web import limits, origins
from earwig.web.foreign_views import ForeignView
from spooling.models import Mail
from spooling.outbox import public_ids
from spooling.wires.smtpeter import bodies, errors
from spooling.wires.smtpeter.inputs import Properties
from templates_app.errors import TemplateError

#: What its submissions say that they came by.
NAME = "smtpeter"
#: In a submission's metadata: the id of the template that it was made of.
TEMPLATE = "template"
MOUNT = "/v1/"
#: By code, as every wire's table; where this wire differs, by the contract's §1.
STATUSES: dict[str, int] = {
    **web_errors.STATUSES,
    "sender_domain_not_allowed": 400,
}
#: The words that clients know.
SENTENCES: dict[str, str] = dict.fromkeys(
    ("not_authenticated", "unknown_key", "wrong_login"), "Invalid access token"
)
#: Octets of an answer that are made before the first of them leaves.
AT_ONCE = 256 * 1024
SCHEMES = ("bearer", "token")

#: Which scope a key needs, by verb.
READS: dict[str, str] = dict.fromkeys(("GET", "HEAD", "POST"), Scope.READ)
CHANGES: dict[str, str] = {
    "GET": Scope.READ,
    "HEAD": Scope.READ,
    "POST": Scope.MANAGE,
    "PUT": Scope.MANAGE,
    "DELETE": Scope.MANAGE,
}
SENDS: dict[str, str] = {"POST": Scope.SEND}


def answer(
    value: Any, *, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Any JSON value, bare (quirk 1)."""
    return HttpResponse(
        web_bodies.dump(value), status=status, content_type="application/json", headers=headers
    )


def streamed(pieces: Iterable[str], *, type_: str = "application/json") -> HttpResponseBase:
    """What may be long: at once with its length where it is not, else piece by piece as it is made (quirk 18)."""
    rest = (piece.encode("utf-8", "replace") for piece in pieces)
    first = bytearray()
    for piece in rest:
        first += piece
        if len(first) >= AT_ONCE:
            return StreamingHttpResponse(chain((bytes(first),), rest), content_type=type_)
    return HttpResponse(bytes(first), content_type=type_)


def text(value: str, *, status: int = HTTPStatus.OK) -> HttpResponse:
    """A text as it is."""
    return HttpResponse(value, status=status, content_type="text/plain; charset=utf-8")


def nothing() -> HttpResponse:
    """Neither a body nor a type: what is asked for has none."""
    response = HttpResponse(status=HTTPStatus.NO_CONTENT)
    del response["Content-Type"]
    return response


def refusal(sentence: str, *, status: int, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """The error document (quirk 7)."""
    return answer({"error": sentence}, status=status, headers=headers)


def respond(exc: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's exception handler for this wire; None lets the error rise to handler500."""
    if isinstance(exc, errors.Refused):
        return refusal(exc.message, status=exc.status)
    if isinstance(exc, EarwigError):
        sentence = SENTENCES.get(exc.code) or exc.message or str(EarwigError.__doc__)
        return refusal(sentence, status=STATUSES[exc.code], headers=_headers(exc))
    if isinstance(exc, TemplateError):
        return refusal(str(exc), status=HTTPStatus.BAD_REQUEST)
    if isinstance(exc, Http404):
        return refusal(str(errors.NotFound.__doc__), status=HTTPStatus.NOT_FOUND)
    if isinstance(exc, RequestDataTooBig):
        return respond(web_errors.TooLarge(), context)
    if isinstance(exc, SuspiciousOperation):
        return refusal("The request is malformed.", status=HTTPStatus.BAD_REQUEST)
    if isinstance(exc, exceptions.MethodNotAllowed):
        return refusal("This method does not know the verb.", status=exc.status_code)
    return None


def _headers(error: EarwigError) -> dict[str, str]:
    """As everywhere, but that a 401 names this wire's scheme (RFC 6750 §3)."""
    headers = web_errors.headers_of(error)
    if STATUSES[error.code] == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="earwig"'
    return headers


class WireView(ForeignView):
    """One URL of the wire. Before a handler runs, the call came by HTTPS, its verb is known and its key is right."""

    http_method_names = ["get", "head", "post", "put", "delete"]
    scopes: ClassVar[dict[str, str]] = CHANGES

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        plain = request._request
        # A charset that a caller names would else decode its query and its form.
        plain.encoding = "utf-8"
        require_secure(plain)
        super().initial(request, *args, **kwargs)

    def admit(self, request: HttpRequest) -> None:
        """Sets `credential`. Raises NotAuthenticated, UnknownKey, AddressNotAllowed, RateLimited, ScopeMissing."""
        secret = token_of(request)
        if not secret:
            raise web_errors.NotAuthenticated
        self.credential = api_keys.authenticate(secret, ip=origins.client_ip(request), now=timezone.now())
        limits.take(self.credential)
        self.credential.require(self.scopes[str(request.method)])

    def properties(self) -> Properties:
        """Of the body. Raises what `bodies.read` raises."""
        return Properties(bodies.read(self.request._request))

    def mail(self, message_id: str) -> Mail:
        """The account's mail of that id, with its content and submission. Raises NoSuchMessage."""
        public_id = public_ids.from_letter_first(message_id)
        own = Mail.objects.filter(account_id=self.account_id).select_related("content", "submission")
        mail = None if public_id is None else own.filter(public_id=public_id).first()
        if mail is None:
            raise errors.NoSuchMessage
        return mail

    def address(self, path: str) -> str:
        """The absolute address of a path of this wire, where the client reached it."""
        request = self.request._request
        return origins.absolute(request, request.path.partition(MOUNT)[0] + MOUNT + path)

    def get_exception_handler(self) -> Any:
        return respond

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        # The token stands in the address.
        response["Referrer-Policy"] = "no-referrer"
        response["Cache-Control"] = "no-store"
        return response


class UnknownMethodView(WireView):
    """Whatever else is asked for, by whatever verb."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        require_secure(request._request)
        raise errors.NotFound("There is no such method.")


def token_of(request: HttpRequest) -> str:
    """The access token, as a rule of the query; empty without one."""
    token: str = request.GET.get("access_token", "").strip()
    scheme, _, given = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    return token or (given.strip() if scheme.lower() in SCHEMES else "")


def require_secure(request: HttpRequest) -> None:
    """Raises NotSecure for a call that came by plain HTTP, to the first of our proxies or to us (quirk 3)."""
    if settings.REQUIRE_HTTPS and not origins.is_secure(request):
        raise errors.NotSecure
