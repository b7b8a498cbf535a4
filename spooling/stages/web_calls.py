"""Calls to other services: bounded in time and size, never redirected. No database here, so many run at once."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from earwig import openers
from earwig.web import bodies
from earwig.web.errors import InvalidJson

#: For each step of a call: the connection, each part of the answer.
TIME_OUT_SECONDS = 10.0
#: For the whole call, once it is connected.
DEADLINE_SECONDS = 20.0
MOST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Where a service answers, and the token that it knows us by."""

    url: str
    token: str = field(repr=False)


class CallFailed(Exception):
    """A call did not get the answer it needs. `metric` is the last part of the name it is counted by."""

    def __init__(self, reason: str, metric: str) -> None:
        super().__init__(reason, metric)
        self.reason = reason
        self.metric = metric


# Without the environment's proxies: the services stand in the operator's own network.
_opener = openers.make(urllib.request.ProxyHandler({}), seconds=DEADLINE_SECONDS)


def get(service: Service, path: str) -> Any:
    """The JSON that a service answers. Raises CallFailed."""
    answer = _open(urllib.request.Request(service.url + path, headers=_headers(service)))
    try:
        return bodies.load(answer)
    except InvalidJson:
        raise CallFailed("The answer is no JSON.", "http_error.500") from None


def post(service: Service, path: str, document: Mapping[str, Any]) -> Any:
    """What a service answers to a document: JSON that can be stored, or None where it answered something else.

    Raises CallFailed.
    """
    headers = _headers(service) | {"Content-Type": "application/json"}
    body = json.dumps(document).encode()
    answer = _open(urllib.request.Request(service.url + path, data=body, headers=headers, method="POST"))
    try:
        return bodies.load(answer)
    except InvalidJson:
        return None


def _headers(service: Service) -> dict[str, str]:
    return {"Authorization": f"Token {service.token}", "Accept": "application/json"}


def _open(request: urllib.request.Request) -> bytes:
    try:
        with _opener.open(request, timeout=TIME_OUT_SECONDS) as answer:
            return _read(answer)
    except urllib.error.HTTPError as error:
        error.close()
        raise CallFailed(f"The service answered {error.code}.", f"http_error.{error.code}") from None
    except TimeoutError:
        raise CallFailed("The service did not answer in time.", "timeout") from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, socket.timeout):
            raise CallFailed("The service did not answer in time.", "timeout") from None
        raise CallFailed("The service cannot be reached.", "connection_error") from None
    except (OSError, http.client.HTTPException, ValueError):
        raise CallFailed("The service cannot be reached.", "connection_error") from None


def _read(answer: IO[bytes]) -> bytes:
    """The whole answer, if it is not too long."""
    data = answer.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise CallFailed("The service's answer does not end.", "timeout")
    return data
