"""Keys, bodies, answers and errors of the Octosend wire, and the view that all its views derive from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework import exceptions

from earwig import api_keys, domains, rates
from earwig.errors import EarwigError, TooManyLogins
from earwig.models import Domain
from earwig.models.api_keys import Scope
from earwig.web import bodies
from earwig.web import errors as web_errors
from earwig.web import limits, origins
from earwig.web.foreign_views import ForeignView
from spooling import errors as spooling_errors
from spooling.models import Spooler
from spooling.wires.octosend import errors, inputs
from templates_app.errors import TemplateError, TemplateRefused
from templates_app.models import Template

#: What its submissions say that they came by.
NAME = "octosend"
#: Statuses that this wire has no use for (contract §2; quirk 4).
_FOLDED = {401: 403, 409: 400, 415: 400}
#: By code, as every wire's table.
STATUSES: dict[str, int] = {code: _FOLDED.get(status, status) for code, status in web_errors.STATUSES.items()}
#: The wire's words (contract §2) for codes of the product; of all others hyphens join the words.
_FORBIDDEN = (
    "not_authenticated",
    "unknown_key",
    "wrong_login",
    "address_not_allowed",
    "scope_missing",
    "staff_only",
    "sender_domain_not_allowed",
)
SLUGS: dict[str, str] = {
    **dict.fromkeys(_FORBIDDEN, "forbidden"),
    **dict.fromkeys(("template_exists", "domain_exists", "domain_taken", "name_taken"), "already-exists"),
    **dict.fromkeys(
        ("invalid_address", "invalid_domain", "template_refused", "fields_refused"), "invalid-field"
    ),
    "incomplete_body": "invalid-json",
    "spooler_closed": "spooler-locked",
    "spooler_state_conflict": "illegal-transition",
    "domain_removed": "unknown-domain",
    "unsealable": "internal",
    "salt_changed": "internal",
}
#: What a template says has one field here.
TEXTS = {"html": "content", "text": "content"}

#: Which scope a key needs, by verb.
READS: dict[str, str] = {"GET": Scope.READ, "POST": Scope.READ}
CHANGES: dict[str, str] = {"GET": Scope.READ, "POST": Scope.MANAGE}
SENDS: dict[str, str] = {"GET": Scope.READ, "POST": Scope.SEND}


def answer(
    value: Any, *, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Any JSON value, bare (quirk 2)."""
    return HttpResponse(bodies.dump(value), status=status, content_type="application/json", headers=headers)


def refusal(
    slug: str, sentence: str, *, status: int, details: Any = None, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """The error document."""
    return answer({"error": sentence, "code": slug, "details": details or {}}, status=status, headers=headers)


def respond(exc: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's exception handler for this wire; None lets the error rise to handler500."""
    if isinstance(exc, errors.Refused):
        return refusal(
            exc.slug, exc.message, status=exc.status, details={"fields": exc.fields} if exc.fields else {}
        )
    if isinstance(exc, EarwigError):
        return _of_product(exc)
    if isinstance(exc, TemplateError):
        return refusal("invalid-field", str(exc), status=HTTPStatus.BAD_REQUEST)
    if isinstance(exc, (Http404, Template.DoesNotExist)):
        # A template may have been removed meanwhile.
        return refusal("not-found", str(errors.NotFound.__doc__), status=HTTPStatus.NOT_FOUND)
    if isinstance(exc, exceptions.MethodNotAllowed):
        return refusal("method-not-allowed", "This path does not know the verb.", status=exc.status_code)
    return None


def _of_product(error: EarwigError) -> HttpResponse:
    """The answer to an error of the product."""
    headers = error.headers if isinstance(error, web_errors.WebError) else {}
    if isinstance(error, TooManyLogins):
        headers = {"Retry-After": str(rates.MINUTE_SECONDS)}
    slug = SLUGS.get(error.code, error.code.replace("_", "-"))
    fields = fields_of(error)
    details = {"fields": fields} if fields else {}
    return refusal(slug, error.message, status=STATUSES[error.code], details=details, headers=headers)


def fields_of(error: EarwigError) -> dict[str, str]:
    """Which fields an error of the product names."""
    if isinstance(error, spooling_errors.FieldsRefused):
        return error.fields
    if isinstance(error, TemplateRefused):
        return {TEXTS.get(flaw.field, flaw.field): flaw.message for flaw in error.flaws}
    if isinstance(error, web_errors.Rejected):
        return {problem.field or "": problem.message for problem in error.problems}
    return {}


class WireView(ForeignView):
    """One URL of the wire. A view asks for its domain or spooler before it reads `parameters` (quirk 4)."""

    http_method_names = ["get", "post"]
    scopes: ClassVar[dict[str, str]] = CHANGES

    def admit(self, request: HttpRequest) -> None:
        """Sets `credential`. Raises NotAuthenticated, UnknownKey, AddressNotAllowed, RateLimited, ScopeMissing."""
        secret = request.META.get("HTTP_X_RMTA_API_KEY", "").strip()
        if not secret:
            raise web_errors.NotAuthenticated("Send the key in the header X-RMTA-API-Key.")
        ip = origins.client_ip(request)
        self.credential = api_keys.authenticate(secret, ip=ip, now=timezone.now())
        limits.take(self.credential)
        self.credential.require(self.scopes[str(request.method)])

    def parameters(self) -> inputs.Parameters:
        """Of the body; a GET has none. Raises InvalidJson, TooLarge, Refused."""
        if self.request.method == "GET":
            return inputs.Parameters({})
        try:
            return inputs.read(self.request._request.body)
        except RequestDataTooBig:
            raise web_errors.TooLarge from None

    def domain(self, name: str) -> Domain:
        """The account's domain of that name. Raises NotFound."""
        domain = domains.find(self.account_id, name)
        if domain is None:
            raise errors.NotFound("There is no such domain.")
        return domain

    def spooler(self, token: str) -> Spooler:
        """The account's campaign with that token. Raises NotFound."""
        own = Spooler.objects.campaigns_of(self.account_id)
        spooler = own.select_related("domain").filter(token=token).first()
        if spooler is None:
            raise errors.NotFound("There is no such spooler.")
        return spooler

    def require_authors(self, find: Callable[[], Iterable[str]]) -> None:
        """The key may send from these addresses, which are only looked up for one that is held to domains.

        Raises SenderDomainNotAllowed.
        """
        for address in find() if self.credential.allowed_sender_domains else ():
            self.credential.require_author(address)

    def get_exception_handler(self) -> Any:
        return respond


def named_domain(account_id: int, parameters: inputs.Parameters) -> Domain:
    """The account's domain that a body names in its field `domain`. Raises MissingField; Refused for an unknown one."""
    domain = domains.find(account_id, parameters.text("domain", required=True))
    if domain is None:
        raise errors.Refused("unknown-domain", "There is no such domain.", fields={"domain": "Unknown."})
    return domain
