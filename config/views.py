"""Answers of the installation itself: its index, its health, and errors in the form of their mount."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Any

from celery import current_app
from django.db import DatabaseError, connection
from django.db.models import Min
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from earwig.web import errors
from earwig.web.errors import Problem
from spooling import heartbeats
from spooling.models import Backlog, Pending
from spooling.models.mails import MailState
from spooling.models.spoolers import Lane

BROKER_TIMEOUT_SECONDS = 2

#: First segments of paths, by whose form their errors take; all others are native.
_PAGES = ("admin", "static")
_PLAIN_TEXT = ("handoff", "sender", "message", "flag", "statistics", "management")

_LINKS = {"docs": "/api/docs/", "schema": "/api/schema/", "admin": "/admin/", "health": "/healthz"}


@csrf_exempt
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Where things are; a browser gets a page."""
    if "text/html" in request.headers.get("Accept", ""):
        return render(request, "config/index.html", {"links": _LINKS})
    return JsonResponse({"name": "Earwig", "links": _LINKS})


@csrf_exempt
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@csrf_exempt
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database and the broker answer, else 503.

    Also how long the workers of each queue have been silent, and the oldest due mail has waited: they do not keep
    this process from accepting mail, so a balancer leaves it in.
    """
    checks: dict[str, Any] = {"database": _database(), "broker": _broker()}
    ready = all(check == "ok" for check in checks.values())
    if checks["database"] == "ok":
        checks["workers_silent_seconds"] = heartbeats.silent_seconds(now=timezone.now())
        checks["oldest_due_seconds"] = _oldest_due(timezone.now())
    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse({"status": "ok" if ready else "unavailable", **checks}, status=status)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "unavailable"
    return "ok"


def _broker() -> str:
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_TIMEOUT_SECONDS)
    except (OperationalError, OSError):
        return "unavailable"
    return "ok"


def _oldest_due(now: datetime) -> dict[str, int]:
    # Bulk's backlog notes say it without a look at a campaign's million rows.
    waiting = Pending.objects.filter(state=MailState.WAITING, lane=Lane.TRANSACTIONAL, due_at__lte=now)
    oldest = {
        Lane.TRANSACTIONAL: waiting.aggregate(at=Min("due_at"))["at"],
        Lane.BULK: Backlog.objects.filter(next_due_at__lte=now).aggregate(at=Min("next_due_at"))["at"],
    }
    return {lane.value: int((now - (at or now)).total_seconds()) for lane, at in oldest.items()}


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
    500: ("internal", "Something went wrong on our side."),
    503: ("unavailable", "The database does not answer; try again in a moment."),
}
_DJANGO = {400: defaults.bad_request, 403: defaults.permission_denied, 404: defaults.page_not_found}


def failure(request: HttpRequest, status: HTTPStatus) -> HttpResponse:
    """An error outside of any view, in the form of the mount."""
    mount = request.path_info.lstrip("/").partition("/")[0]
    if mount in _PLAIN_TEXT:
        return HttpResponse(status.phrase.lower(), status=status, content_type="text/plain; charset=utf-8")
    if mount in _PAGES:
        page = _DJANGO.get(status)
        return page(request, Exception()) if page else defaults.server_error(request)
    return errors.plain(status, [Problem(None, None, *_NATIVE[status])])
