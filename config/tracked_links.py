"""Clicks and fetched pictures, answered in front of Django's handler: the way through it was half of their cost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from django.core.handlers.exception import response_for_exception
from django.core.handlers.wsgi import WSGIRequest
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

from config import middleware
from spooling import errors
from spooling.tracking import answers

Environment = dict[str, Any]
Application = Callable[[Environment, Callable[..., Any]], Iterable[bytes]]

_ASKED = re.compile(r"/t/([cp])/([A-Za-z0-9_-]+)")
_METHODS = ("GET", "HEAD")


class TrackedLinks:
    """A WSGI application with the same answers as the one behind it, which gets all but well-made hits."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        asked = _ASKED.fullmatch(environ["PATH_INFO"])
        if asked is None or environ["REQUEST_METHOD"] not in _METHODS or _has_body(environ):
            return self._application(environ, start_response)
        answer = _answer(asked[1].encode(), asked[2], environ)
        if answer is None:
            return self._application(environ, start_response)
        headers = [*answer.headers.items(), middleware.NO_SNIFFING, ("Content-Length", str(len(answer.body)))]
        start_response(f"{answer.status} {answer.status.phrase}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]


def _has_body(environ: Environment) -> bool:
    return bool(environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING"))


def _answer(kind: bytes, token: str, environ: Environment) -> answers.Answer | None:
    """None where no such link is known. The session is looked after as by Django's signals around a request."""
    session = connections[DEFAULT_DB_ALIAS]
    session.close_if_unusable_or_obsolete()
    began = middleware.begin()
    try:
        answer = answers.answer(kind, token, environ, now=timezone.now())
    except errors.LinkUnknown:
        return None
    except Exception as error:
        # What Django's handler catches around every view.
        answer = _failure(environ, error)
    finally:
        session.close_if_unusable_or_obsolete()
    middleware.end(began, answer.status)
    return answer


def _failure(environ: Mapping[str, Any], error: Exception) -> answers.Answer:
    request = WSGIRequest(dict(environ))
    if isinstance(error, middleware.AWAY):
        response = middleware.failure(request, error)
    else:
        response = response_for_exception(request, error)
    return answers.Answer(HTTPStatus(response.status_code), dict(response.items()), response.content)
