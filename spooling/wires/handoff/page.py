"""The wire's pages for people: rendering, forms with CSRF tokens, links with tokens, staff login."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import get_token
from django.template import Context, Engine
from rest_framework.authentication import CSRFCheck
from rest_framework.request import Request

from earwig.messages import tokens
from earwig.models import DeliveryAttempt
from spooling.wires.handoff import errors, wire

_ENGINE = Engine(dirs=[str(Path(__file__).parent / "pages")], debug=False)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
#: Numbers of so many digits do not fit a column.
_ID_DIGITS = 19


def render(name: str, context: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    """A page that runs nothing and loads nothing."""
    content = _ENGINE.get_template(name).render(Context(context or {}))
    headers = {
        "Content-Security-Policy": _POLICY,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
    }
    return HttpResponse(content, status=status, headers=headers)


def form(request: Request, name: str, context: dict[str, Any]) -> HttpResponse:
    """A page whose form carries a CSRF token."""
    return render(name, {**context, "csrf_token": get_token(plain(request))})


def require_own_form(request: Request) -> None:
    """Raises FormOutOfDate for a POST without the token of a form of ours."""
    check = CSRFCheck(lambda _: HttpResponse())
    check.process_request(plain(request))
    if check.process_view(plain(request), render, (), {}) is not None:
        raise errors.FormOutOfDate


def attempt_of(number: str) -> DeliveryAttempt | None:
    """The attempt a link names; None where there is none, also for what is no number."""
    if not (number.isascii() and number.isdigit() and len(number) < _ID_DIGITS):
        return None
    rows = DeliveryAttempt.objects.select_related("contact", "recipient__message")
    return rows.filter(pk=int(number)).first()


def require_token(attempt: DeliveryAttempt, token: str, purpose: tokens.Purpose) -> None:
    """Raises InvalidSecret unless the link's token is the attempt's."""
    if not tokens.opens(token, purpose, attempt.pk):
        raise errors.InvalidSecret


def plain(request: Request) -> HttpRequest:
    """The request below DRF's, which alone has the session's user and the CSRF cookie's state."""
    return request._request


def respond(exc: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """As the wire's handler, its sentence on a page."""
    answer = wire.respond(exc, context)
    if answer is None or not answer.content:
        return answer
    return render("refused.html", {"sentence": answer.content.decode()}, answer.status_code)


class PageView(wire.WireView):
    """A page for people."""

    http_method_names = ["get", "head", "post"]

    def get_exception_handler(self) -> Any:
        return respond


class StaffView(PageView):
    """A page for the installation's staff; others are sent to the login."""

    http_method_names = ["get", "head"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not (request.user.is_active and request.user.is_staff):
            return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
        return super().dispatch(request, *args, **kwargs)
