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

from config import views, wires
from earwig.web import bodies, errors

log = logging.getLogger(__name__)

_RUNS = re.compile("/{2,}")


#: Paths without session or form token, of programs and of those who read mails. These go from here to their view, past
#: all that is there only for the admin.
PROGRAMS = ("/api/v1/", "/t/", *(start for mount in wires.MOUNTS for start in mount.programs))
#: Django asks every session of the database `SELECT 1` before every request; one that answered so recently is spared.
TRUSTED_SECONDS = 2.0
NO_SNIFFING = ("X-Content-Type-Options", "nosniff")
#: When to come back after an outage of the database.
RETRY_SECONDS = 2
#: The database, or the client.
AWAY = (InterfaceError, OperationalError, UnreadablePostError)

GetResponse = Callable[[HttpRequest], HttpResponse]
#: When the database last answered each thread.
_answered = threading.local()


def begin() -> float:
    """Before a request, behind Django's own look at its session. Answers the moment, for `end`."""
    now = time.monotonic()
    if now - getattr(_answered, "at", 0.0) < TRUSTED_SECONDS:
        connection.health_check_done = True  # type: ignore[attr-defined]  # the stubs lack it
    return now


def end(began: float, status: int) -> None:
    _answered.at = began if status < HTTPStatus.INTERNAL_SERVER_ERROR else 0.0


class Mounts:
    """Makes requests what all mounts expect: single slashes, and a body whose length is known; answers too."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = begin()
        if "//" in request.path_info:
            request.path_info = _RUNS.sub("/", request.path_info)
            request.path = _RUNS.sub("/", request.path)
        response = self._answer(request)
        end(began, response.status_code)
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
        except AWAY as error:
            return failure(request, error)
        if hasattr(response, "render"):
            response.render()
        response.headers.setdefault(*NO_SNIFFING)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, AWAY):
            return failure(request, exception)
        return None


def failure(request: HttpRequest, error: Exception) -> HttpResponse:
    """The answer to a request during which the database or the client went away."""
    if isinstance(error, UnreadablePostError):
        # The client is gone, as a rule: nothing was done, and nothing is wrong on our side.
        return views.failure(request, HTTPStatus.BAD_REQUEST)
    log.error("The database did not answer a request.", exc_info=error)
    response = views.failure(request, HTTPStatus.SERVICE_UNAVAILABLE)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response
