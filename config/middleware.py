"""Middleware that every request passes."""

import logging
import re
import threading
import time
from collections.abc import Callable
from http import HTTPStatus

from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, UnreadablePostError

from config import views
from earwig.web import bodies, errors

log = logging.getLogger(__name__)

_RUNS = re.compile("/{2,}")


class Database:
    """Trusts a session with the database that answered a moment ago, and answers 503 where one is lost."""

    #: Django asks every session `SELECT 1` before every request; one that was used within these seconds is spared it.
    TRUSTED_SECONDS = 2.0
    RETRY_SECONDS = 2

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._answered = threading.local()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        now = time.monotonic()
        if now - getattr(self._answered, "at", 0.0) < self.TRUSTED_SECONDS:
            connection.health_check_done = True  # type: ignore[attr-defined]  # the stubs lack it
        response = self.get_response(request)
        self._answered.at = now if response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR else 0.0
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, (OperationalError, InterfaceError)):
            return None
        log.error("The database did not answer a request.", exc_info=exception)
        response = views.failure(request, HTTPStatus.SERVICE_UNAVAILABLE)
        response.headers["Retry-After"] = str(self.RETRY_SECONDS)
        return response


class Mounts:
    """Makes requests what all mounts expect: single slashes, and a body whose length is known; answers too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "//" in request.path_info:
            request.path_info = _RUNS.sub("/", request.path_info)
            request.path = _RUNS.sub("/", request.path)
        response = self._answer(request)
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
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        # The client is gone, as a rule: nothing was done, and nothing is wrong on our side.
        if isinstance(exception, UnreadablePostError):
            return views.failure(request, HTTPStatus.BAD_REQUEST)
        return None
