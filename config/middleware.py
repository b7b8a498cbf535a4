"""Middleware that every request passes."""

import logging
import re
import threading
import time
from collections.abc import Callable
from http import HTTPStatus

from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.urls import resolve

from config import views
from earwig.web import bodies, errors

log = logging.getLogger(__name__)

_RUNS = re.compile("/{2,}")


#: Paths of programs alone: no session, no form token, no page. These go from here to their view, past all that is
#: there only for browsers.
PROGRAMS = ("/api/v1/",)
#: Django asks every session of the database `SELECT 1` before every request; one that answered so recently is spared.
TRUSTED_SECONDS = 2.0
#: When to come back after an outage of the database.
RETRY_SECONDS = 2

GetResponse = Callable[[HttpRequest], HttpResponse]


class Mounts:
    """Makes requests what all mounts expect: single slashes, and a body whose length is known; answers too."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._answered = threading.local()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        now = time.monotonic()
        if now - getattr(self._answered, "at", 0.0) < TRUSTED_SECONDS:
            connection.health_check_done = True  # type: ignore[attr-defined]  # the stubs lack it
        if "//" in request.path_info:
            request.path_info = _RUNS.sub("/", request.path_info)
            request.path = _RUNS.sub("/", request.path)
        response = self._answer(request)
        self._answered.at = now if response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR else 0.0
        if not response.streaming and "Content-Length" not in response.headers:
            # Else gunicorn answers in chunks, which takes one more packet.
            response.headers["Content-Length"] = str(len(response.content))
        if request.method == "HEAD" and not response.streaming:
            # gunicorn drops the body itself, with a warning for each.
            response.content = b""
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        try:
            bodies.bound(request)
        except errors.WebError as error:
            return views.failure(request, HTTPStatus(errors.status_of(error)))
        if request.path_info.startswith(PROGRAMS):
            return self._view(request)
        return self.get_response(request)

    def _view(self, request: HttpRequest) -> HttpResponse:
        """What Django's handler does behind its middleware. What is raised, Http404 too, it answers around us."""
        match = request.resolver_match = resolve(request.path_info)
        try:
            response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        except (InterfaceError, OperationalError, UnreadablePostError) as error:
            return _failure(request, error)
        if hasattr(response, "render"):
            response.render()
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, (InterfaceError, OperationalError, UnreadablePostError)):
            return _failure(request, exception)
        return None


def _failure(request: HttpRequest, error: Exception) -> HttpResponse:
    if isinstance(error, UnreadablePostError):
        # The client is gone, as a rule: nothing was done, and nothing is wrong on our side.
        return views.failure(request, HTTPStatus.BAD_REQUEST)
    log.error("The database did not answer a request.", exc_info=error)
    response = views.failure(request, HTTPStatus.SERVICE_UNAVAILABLE)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response
