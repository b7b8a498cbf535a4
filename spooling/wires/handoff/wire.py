"""Keys, bodies and errors of the handoff wire, and the view that all its views derive from."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, QueryDict, UnreadablePostError
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser, FormParser, MultiPartParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from earwig import addresses, api_keys, domains, media_types
from earwig.credentials import Credential
from earwig.errors import EarwigError
from earwig.models import Account
from earwig.models.api_keys import Scope
from earwig.web import errors as web_errors
from earwig.web import limits, origins
from spooling import attempts_mail
from spooling.wires.handoff import errors

KEY_FIELDS = ("key", "app_key")
SCHEMES = ("token", "bearer")
#: Charsets of a body; Python knows some that are no text.
ENCODINGS = ("utf-8", "utf8", "us-ascii", "ascii")

#: By code, as every wire's table; where this wire differs, by the contract's §2 and §3.
STATUSES: dict[str, int] = {
    **web_errors.STATUSES,
    "unknown_key": 400,
    "not_authenticated": 400,
}
#: The words that clients look for.
SENTENCES: dict[str, str] = {
    "unknown_key": "invalid application key",
    "unknown_sender": "invalid sender",
    "unknown_person": "invalid recipient: {0}",
    "already_flagged": "already flagged",
}


class Keys(enum.StrEnum):
    """The words of EARWIG_HANDOFF_KEYS."""

    ALL = "all"
    MESSAGE_ONLY = "message-only"
    DEFAULT_APPLICATION = "default-application"


def text(body: str, status: int, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """One line of plain text."""
    return HttpResponse(body, status=status, content_type="text/plain; charset=utf-8", headers=headers)


def respond(exc: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's exception handler for this wire; None lets the error rise to handler500."""
    if isinstance(exc, errors.WireError):
        return text(str(exc), exc.status)
    if isinstance(exc, EarwigError):
        headers = exc.headers if isinstance(exc, web_errors.WebError) else None
        return text(sentence_of(exc), STATUSES[exc.code], headers)
    if isinstance(exc, RequestDataTooBig):
        return text(str(errors.BodyTooLarge()), errors.BodyTooLarge.status)
    if isinstance(exc, (SuspiciousOperation, exceptions.ParseError, UnreadablePostError)):
        return text(str(errors.MalformedBody()), errors.MalformedBody.status)
    if isinstance(exc, Http404):
        return text("not found", 404)
    if isinstance(exc, exceptions.MethodNotAllowed):
        return text("", 405)
    return text(str(exc), exc.status_code) if isinstance(exc, exceptions.APIException) else None


def sentence_of(error: EarwigError) -> str:
    """What the answer says of an error of the product."""
    sentence = SENTENCES.get(error.code)
    return (error.message or "invalid request") if sentence is None else sentence.format(*error.args)


class AnyForm(BaseParser):
    """Form fields in either encoding; whatever else comes holds none (quirk 1)."""

    media_type = "*/*"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        context = dict(parser_context or {})
        if int(context["request"].META.get("CONTENT_LENGTH") or 0) > settings.MAX_BODY_BYTES:
            raise errors.BodyTooLarge
        if context["encoding"].lower() not in ENCODINGS:
            raise errors.MalformedBody
        kind = media_types.bare(media_type or "")
        for parser in (FormParser, MultiPartParser):
            if kind == parser.media_type:
                return parser().parse(stream, media_type, context)
        return QueryDict()


class AnyAccept(BaseContentNegotiation):
    """Clients of this wire read what comes, whatever they say they accept."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class WireView(APIView):
    """One URL of the wire. Views call `credential` or `account` themselves: fields come before the key (quirk
    4).
    """

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    parser_classes = (AnyForm,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = AnyAccept
    schema = None

    def get_exception_handler(self) -> Any:
        return respond

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code != 405:
            del response["Allow"]
        response["X-Content-Type-Options"] = "nosniff"
        return response


def key_of(request: Request) -> str | None:
    """The key a call came with; None without one (quirk 3)."""
    for fields in (request.POST, request.query_params):
        for name in KEY_FIELDS:
            if fields.get(name):
                return str(fields[name])
    scheme, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() in SCHEMES and secret.strip():
        return str(secret.strip())
    return request.META.get("HTTP_X_API_KEY") or None


def credential_of(request: Request, scope: Scope) -> Credential | None:
    """What the call's key may do; None without a key.

    Raises UnknownKey, AddressNotAllowed, ScopeMissing and RateLimited.
    """
    secret = key_of(request)
    if secret is None:
        return None
    credential = api_keys.authenticate(secret, ip=origins.client_ip(_plain(request)), now=timezone.now())
    limits.take(credential)
    credential.require(scope)
    return credential


def default_account() -> Account:
    """The account of calls without a key. Raises MissingParameter where there is none (quirk 6)."""
    account = Account.objects.filter(slug=settings.EARWIG_HANDOFF_ACCOUNT, active=True).first()
    if account is None:
        raise errors.MissingParameter(KEY_FIELDS[0])
    return account


def require_author(account: Account, credential: Credential | None) -> None:
    """The account and its key may send from HANDOFF_FROM. Raises DomainNotAllowed, SenderDomainNotAllowed."""
    author = attempts_mail.from_address()[1]
    domains.sending_domain(account.pk, author)
    allowed = credential.allowed_sender_domains if credential else frozenset()
    if allowed and addresses.domain_of(author) not in allowed:
        raise errors.SenderDomainNotAllowed


def policy() -> Keys:
    """Which calls need a key."""
    return Keys(settings.EARWIG_HANDOFF_KEYS)


def _plain(request: Request) -> HttpRequest:
    return request._request
