"""Middleware that every request passes."""

import re
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from config import views
from earwig.web import bodies, errors

_RUNS = re.compile("/{2,}")


class Mounts:
    """Makes requests what all mounts expect: single slashes, and a body whose length is known; answers too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "//" in request.path_info:
            request.path_info = _RUNS.sub("/", request.path_info)
            request.path = _RUNS.sub("/", request.path)
        try:
            bodies.unchunk(request)
        except errors.TooLarge:
            return views.failure(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        response = self.get_response(request)
        if not response.streaming and "Content-Length" not in response.headers:
            # Else gunicorn answers in chunks, which takes one more packet.
            response.headers["Content-Length"] = str(len(response.content))
        return response
