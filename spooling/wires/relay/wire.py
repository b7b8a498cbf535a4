"""Keys and errors of the Relay wire, and the view that all its views derive from."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.request import Request

from earwig import api_keys, rates
from earwig.credentials import Credential
from earwig.errors import EarwigError, TooManyLogins
from earwig.models.api_keys import Scope
from earwig.web import errors as web_errors
from earwig.web import limits, origins
from earwig.web.foreign_views import ForeignView
from spooling import errors as spooling_errors
from spooling.wires.relay import answers, errors, inputs, quotas, relations, sessions
from spooling.wires.relay.errors import Flaw, Number
from spooling.wires.relay.relations import Link
from templates_app.errors import TemplateError, TemplateRefused
from templates_app.models import Template, TemplateVersion

#: What its submissions say that they came by.
NAME = "relay"
#: What templates call the texts of a wording.
TEXTS = {"html": "body", "text": "body"}
_SCHEMES = ("bearer", "token")
_VERBS = ["get", "head", "post", "put", "delete", "options"]
#: Which scope a key needs, by verb.
READS: dict[str, str] = dict.fromkeys(("GET", "HEAD", "POST", "PUT", "DELETE"), Scope.READ.value)
_LOOKS: dict[str, str] = {"GET": Scope.READ, "HEAD": Scope.READ}
CHANGES: dict[str, str] = {**_LOOKS, **dict.fromkeys(("POST", "PUT", "DELETE"), Scope.MANAGE)}
SENDS: dict[str, str] = {**_LOOKS, "POST": Scope.SEND}


def respond(exc: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's exception handler for this wire; None lets the error rise to handler500."""
    view: WireView = context["view"]
    if isinstance(exc, exceptions.MethodNotAllowed):
        return view.problem(Number(405, 0), f"This path does not know the verb {exc.args[0]}.")
    if isinstance(exc, (Http404, Template.DoesNotExist, TemplateVersion.DoesNotExist)):
        # A template may have been removed meanwhile.
        exc = errors.NotFound()
    if isinstance(exc, TemplateError):
        exc = errors.invalid("", str(exc))
    return _of_product(exc, view) if isinstance(exc, EarwigError) else None


def _of_product(error: EarwigError, view: WireView) -> HttpResponse:
    number = error.number if isinstance(error, errors.Refused) else errors.NUMBERS[error.code]
    headers = error.headers if isinstance(error, web_errors.WebError) else {}
    if isinstance(error, TooManyLogins):
        headers = {"Retry-After": str(rates.MINUTE_SECONDS)}
    detail, members = error.message, dict(error.members) if isinstance(error, errors.Refused) else {}
    if number == errors.INVALID:
        detail = view.invalidity
        members["errors"] = [flaw._asdict() for flaw in flaws_of(error)]
    elif number == errors.NOT_FOUND:
        members["resourceNotFoundPath"] = view.request.path_info
    elif number == errors.LIMIT_REACHED:
        members |= quotas.exceeded(view.account_id, now=timezone.now())
    return view.problem(number, detail, members=members, headers=headers)


def flaws_of(error: EarwigError) -> list[Flaw]:
    """What the document of a validation error lists."""
    if isinstance(error, errors.Invalid):
        return list(error.flaws)
    if isinstance(error, spooling_errors.FieldsRefused) and error.fields:
        return [Flaw(*pair) for pair in error.fields.items()]
    if isinstance(error, TemplateRefused):
        return [Flaw(TEXTS.get(flaw.field, flaw.field), flaw.message) for flaw in error.flaws]
    if isinstance(error, web_errors.Rejected):
        return [Flaw(problem.field or "", problem.message) for problem in error.problems]
    return [Flaw("", error.message)]


class WireView(ForeignView):
    """One URL of the wire. `{account}` in its path is checked before all else (quirk 2), and not passed on."""

    http_method_names = _VERBS
    scopes: ClassVar[dict[str, str]] = CHANGES
    #: The form of what it reads, for what is said of errors in it.
    reads: ClassVar[str] = ""
    #: The account's path as the caller named it, `/accounts/5`; empty until it was let in.
    home = ""
    _named: str | None = None

    @property
    def invalidity(self) -> str:
        """What the document of a validation error says of the whole."""
        validating = f" validating `/schemas/{self.reads}.json` for ``" if self.reads else ""
        return f"Validation error{validating}. See `errors` field for more details."

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method != "OPTIONS":
            super().initial(request, *args, **kwargs)

    def admit(self, request: HttpRequest) -> None:
        """Sets `credential` and `home`. Raises Forbidden, NotAuthenticated, UnknownKey, AddressNotAllowed, RateLimited,
        ScopeMissing.
        """
        require_https(request)
        self.credential = _credential(request)
        limits.take(self.credential)
        if self._named is not None:
            if self._named not in (str(self.account_id), self.credential.account_slug):
                raise errors.Forbidden
            self.home = f"/accounts/{self._named}"
        self.credential.require(self.scopes[str(request.method)])

    def fields(self, *, needed: bool = True) -> inputs.Fields:
        """Of the body, which may be absent where it is not `needed`. Raises Invalid, TooLarge."""
        try:
            body = self.request._request.body
        except RequestDataTooBig:
            raise web_errors.TooLarge from None
        return inputs.read(body if body or needed else b"{}")

    def found(self, rows: Any, **named: Any) -> Any:
        """The one row of these. Raises NotFound."""
        row = rows.filter(**named).first()
        if row is None:
            raise errors.NotFound
        return row

    def answer(
        self, value: Any, *, schema: str, status: int = HTTPStatus.OK, location: str = ""
    ) -> HttpResponse:
        """A document; `location` is a path from the base on."""
        request = self.request._request
        headers = {"Location": answers.base(request) + location} if location else None
        return answers.answer(request, value, schema=schema, status=status, headers=headers)

    def problem(self, number: Number, detail: str, **more: Any) -> HttpResponse:
        return answers.problem(self.request._request, number, detail, home=self.home, **more)

    def ways_home(self) -> list[Link]:
        """Links that most documents end with."""
        return [relations.account_home(self.home), relations.INDEX]

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """What a browser asks before it calls from a page of another origin."""
        response = HttpResponse(status=HTTPStatus.NO_CONTENT, headers={**answers.CORS, **answers.PREFLIGHT})
        del response["Content-Type"]
        return response

    def get_exception_handler(self) -> Any:
        return respond

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self._named = kwargs.pop("account", None)
        return super().dispatch(request, *args, **kwargs)


class OpenView(WireView):
    """One that needs no key, but holds secrets of its own."""

    def admit(self, request: HttpRequest) -> None:
        """Anybody; a key that comes along is ignored. Raises Forbidden."""
        require_https(request)


class PageView(WireView):
    """One that everybody may read."""

    http_method_names = ["get", "head", "options"]

    def admit(self, request: HttpRequest) -> None:
        """Anybody, in the clear too."""


def require_https(request: HttpRequest) -> None:
    """Raises Forbidden; a redirect would let clients send their secret in the clear again."""
    if settings.REQUIRE_HTTPS and not origins.is_secure(request):
        raise errors.Forbidden("This API is served over HTTPS only.")


def guid(text: str) -> uuid.UUID | None:
    """The id that a path names, None where it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _credential(request: HttpRequest) -> Credential:
    """Quirk 1. Raises NotAuthenticated, UnknownKey, AddressNotAllowed."""
    scheme, _, given = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    secret = given.strip() if scheme.lower() in _SCHEMES else ""
    secret = secret or request.GET.get("api_key", "").strip()
    if not secret:
        raise web_errors.NotAuthenticated(
            "Authentication is required but no authentication information was sent."
        )
    ip, now = origins.client_ip(request), timezone.now()
    if sessions.is_token(secret):
        return sessions.credential_of(secret, ip=ip, now=now)
    return api_keys.authenticate(secret, ip=ip, now=now)
