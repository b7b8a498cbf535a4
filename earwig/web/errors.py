"""The native error document `{"errors": [{"index", "field", "code", "message"}]}`, and the one table that
gives every error of the product its status.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response

from earwig import rates
from earwig.errors import EarwigError, TooManyLogins

#: By code. Every class that derives from EarwigError stands here; a test walks them all.
STATUSES: dict[str, int] = {
    "error": 400,
    "spooling": 400,
    # the request itself
    "invalid": 400,
    "invalid_json": 400,
    "incomplete_body": 400,
    "not_found": 404,
    "too_large": 413,
    "not_json": 415,
    # who asks
    "not_authenticated": 401,
    "unknown_key": 401,
    "wrong_login": 401,
    "too_many_logins": 429,
    "address_not_allowed": 403,
    "scope_missing": 403,
    "staff_only": 403,
    "sender_domain_not_allowed": 403,
    "rate_limited": 429,
    # calls that may be repeated
    "idempotency_key_invalid": 400,
    "idempotency_key_reused": 409,
    "idempotency_still_running": 409,
    # accounts, keys, users
    "invalid_account": 400,
    "account_exists": 409,
    "user_exists": 409,
    "user_protected": 400,
    "user_closed": 400,
    "invalid_key": 400,
    "key_closed": 409,
    # domains
    "domain_not_allowed": 400,
    "invalid_domain": 400,
    "domain_exists": 409,
    "domain_taken": 409,
    "dkim_key_refused": 409,
    # people and addresses
    "invalid_person": 400,
    "invalid_import": 400,
    "in_use": 409,
    "link_unknown": 404,
    "name_taken": 409,
    "message_unusable": 400,
    "invalid_address": 400,
    "person_exists": 409,
    "feed_unavailable": 503,
    "dns_unanswered": 503,
    # other services
    "invalid_url": 400,
    "target_refused": 400,
    "target_unanswered": 400,
    "answer_too_large": 400,
    "webhook_refused": 400,
    "too_many_webhooks": 409,
    "webhook_paused": 409,
    # messages
    "unknown_sender": 400,
    "unknown_person": 400,
    "already_flagged": 400,
    # the installation's own state, never the caller's fault
    "unsealable": 500,
    "salt_changed": 500,
    # mail
    "limit_reached": 429,
    "variables_refused": 400,
    "mail_has_left": 409,
    "spooler_closed": 409,
    "spooler_state_conflict": 409,
    "subscription_state_conflict": 409,
    "content_unusable": 400,
    "spooler_locked": 409,
    "domain_conflict": 400,
    "domain_removed": 409,
    "fields_refused": 400,
    "message_incomplete": 409,
    "unknown_resource": 400,
    "too_many_drafts": 400,
    "attachment_forbidden": 400,
    "attachment_type": 400,
    "attachment_too_large": 400,
    # templates
    "template_refused": 400,
    "template_exists": 409,
}


class WebError(EarwigError):
    """The request cannot be answered."""

    code = "invalid"

    @property
    def headers(self) -> dict[str, str]:
        """Header fields that belong to the answer."""
        return {}


class NotAuthenticated(WebError):
    """Send the key as `Authorization: Token KEY`."""

    code = "not_authenticated"


class MalformedAuthorization(NotAuthenticated):
    """The Authorization header cannot be read."""


class InvalidJson(WebError):
    """The body is not valid JSON."""

    code = "invalid_json"


class IncompleteBody(WebError):
    """The body ended before its length, or its chunks are malformed."""

    code = "incomplete_body"


class NotJson(WebError):
    """Send the body as application/json."""

    code = "not_json"


class TooLarge(WebError):
    """The body is larger than this installation takes."""

    code = "too_large"


class InUse(WebError):
    """Something else refers to it."""

    code = "in_use"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: in which object of the body, from 0 (None: in none), and in which field."""

    index: int | None
    field: str | None
    code: str
    message: str


class Rejected(WebError):
    """The body has problems; nothing of it was done."""

    @property
    def message(self) -> str:
        return "; ".join(problem.message for problem in self.problems)

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems


def problems_of(error: EarwigError) -> Sequence[Problem]:
    """What the document lists for an error."""
    if isinstance(error, Rejected):
        return error.problems
    return [Problem(None, None, error.code, error.message)]


def status_of(error: EarwigError) -> int:
    """The answer's status; of several problems the first one's, where its code has one."""
    if isinstance(error, Rejected) and error.problems:
        return STATUSES.get(error.problems[0].code, HTTPStatus.BAD_REQUEST)
    return STATUSES[error.code]


def headers_of(error: EarwigError) -> dict[str, str]:
    """The answer's own header fields; a 401 names the scheme (RFC 9110 §11.6.1)."""
    headers = error.headers if isinstance(error, WebError) else {}
    if isinstance(error, TooManyLogins):
        return {"Retry-After": str(rates.MINUTE_SECONDS)}
    if status_of(error) == HTTPStatus.UNAUTHORIZED:
        return {**headers, "WWW-Authenticate": 'Token realm="earwig"'}
    return headers


def document(problems: Sequence[Problem]) -> dict[str, Any]:
    """The error document as data."""
    return {"errors": [asdict(problem) for problem in problems]}


def respond(error: EarwigError) -> HttpResponse:
    """The answer of a plain view to an error."""
    return plain(status_of(error), problems_of(error), headers_of(error))


def plain(status: int, problems: Sequence[Problem], headers: Mapping[str, str] | None = None) -> HttpResponse:
    """An error document outside of DRF."""
    return HttpResponse(
        json.dumps(document(problems)), status=status, content_type="application/json", headers=headers
    )


def handle(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler; None lets the error rise to handler500."""
    if isinstance(exc, EarwigError):
        return Response(document(problems_of(exc)), status=status_of(exc), headers=headers_of(exc))
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    if not isinstance(exc, exceptions.APIException):
        return None
    return Response(document(list(_flat(exc.detail))), status=exc.status_code)


def _flat(detail: Any, path: str = "") -> Iterator[Problem]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            nested = "" if name == "non_field_errors" else str(name)
            yield from _flat(inner, ".".join(part for part in (path, nested) if part))
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            whole = not isinstance(inner, (dict, list))
            yield from _flat(inner, path if whole else f"{path}.{number}".lstrip("."))
    else:
        yield Problem(None, path or None, detail.code, str(detail))
