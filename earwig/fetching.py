"""Calls of URLs that somebody else named: bounded in time and size, and never into a private network that
EARWIG_ALLOW_PRIVATE_TARGETS does not name. No proxies; a redirection is checked as the URL itself was.
"""

from __future__ import annotations

import http.client
import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from django.conf import settings

from earwig import addresses, errors, networks, openers

#: Addresses of a host that are tried.
MOST_ADDRESSES = 4
#: Characters of a URL.
LONGEST_URL = 8_000
PORTS = {"http": 80, "https": 443}
REDIRECTIONS = (301, 302, 303, 307, 308)
_NAME = re.compile(r"[a-z0-9_.-]{1,253}")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
#: What stays as it is in a path and a query: reserved and unreserved characters (RFC 3986 §2), and escapes.
_SAFE = "/?:@!$&'()*+,;=-._~%[]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is sent. Its parts may hold secrets and are not shown."""

    method: str = "GET"
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Of the whole call with all its redirections. Without `most_bytes` the answer's body is not read."""

    seconds: float
    most_bytes: int | None = None
    redirects: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The names of the headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL in parts: the host without brackets, the path with its query and no fragment."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """As the Host header names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def request(call: Call, bounds: Bounds) -> Answer:
    """The answer, whatever its status; of redirections that may be followed, of a GET, the last one's.

    Raises InvalidUrl, TargetRefused, TargetUnanswered and AnswerTooLarge, whose messages never hold the URL; and
    ValueError for a header of more than one line.
    """
    ends = time.monotonic() + bounds.seconds
    for _ in range(bounds.redirects if call.method == "GET" else 0):
        answer = _exchange(call, bounds, ends)
        if answer.status not in REDIRECTIONS or "location" not in answer.headers:
            return answer
        call = _redirected(call, answer.headers["location"])
    return _exchange(call, bounds, ends)


def target(url: str) -> Target:
    """The parts of a URL. Raises InvalidUrl."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        path = quote(parts.path or "/", safe=_SAFE) + (
            f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
        )
    except ValueError:
        raise errors.InvalidUrl from None
    if len(url) > LONGEST_URL or _FORBIDDEN.search(url) or "@" in parts.netloc or port == 0:
        raise errors.InvalidUrl
    if parts.scheme not in PORTS:
        raise errors.InvalidUrl
    return Target(scheme=parts.scheme, host=_host(host), port=port or PORTS[parts.scheme], path=path)


def require_callable(url: str) -> None:
    """Raises InvalidUrl, and TargetRefused when the host is written as an address that may not be called. Where a name
    leads to is only known at each call.
    """
    host = target(url).host
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except OSError:
        return
    if not any(may_call(str(address[0])) for *_, address in found):
        raise errors.TargetRefused


def may_call(address: str) -> bool:
    """Whether calls may go to this address: it is public, or of EARWIG_ALLOW_PRIVATE_TARGETS."""
    allowed = [ipaddress.ip_network(text, strict=False) for text in settings.EARWIG_ALLOW_PRIVATE_TARGETS]
    return networks.is_public(address) or networks.within(address, allowed)


def _host(text: str) -> str:
    if ":" in text:
        try:
            address = ipaddress.IPv6Address(text)
        except ValueError:
            raise errors.InvalidUrl from None
        if address.scope_id is not None:
            raise errors.InvalidUrl
        return str(address)
    name = addresses.canonical_domain(text)
    if not _NAME.fullmatch(name):
        raise errors.InvalidUrl
    return name


def _redirected(call: Call, location: str) -> Call:
    try:
        return replace(call, url=urljoin(call.url, location), headers={})
    except ValueError:
        raise errors.InvalidUrl from None


def _exchange(call: Call, bounds: Bounds, ends: float) -> Answer:
    connection = _Connection(target(call.url), ends)
    try:
        connection.request(call.method, connection.target.path, body=call.body, headers=_headers(call))
        with connection.getresponse() as response:
            body = _read(response, bounds.most_bytes)
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(status=response.status, headers=headers, body=body)
    except TimeoutError:
        raise errors.TargetUnanswered("There was no answer in time.") from None
    except ssl.SSLError:
        raise errors.TargetUnanswered("TLS failed, or its certificate is not trusted.") from None
    except http.client.HTTPException:
        raise errors.TargetUnanswered("The answer broke off, or is not HTTP.") from None
    except OSError:
        raise errors.TargetUnanswered("The connection failed.") from None
    finally:
        connection.close()


def _headers(call: Call) -> dict[str, str]:
    # An answer as it is: what is packed may be a thousand times as large.
    return {"Accept-Encoding": "identity", "User-Agent": "Earwig", "Connection": "close", **call.headers}


def _read(response: http.client.HTTPResponse, most: int | None) -> bytes:
    if most is None:
        return b""
    body = response.read(most + 1)
    if len(body) > most:
        raise errors.AnswerTooLarge
    if response.length:
        raise http.client.IncompleteRead(body)
    return body


class _Connection(http.client.HTTPConnection):
    """A connection to an address that was checked: the name is looked up once."""

    def __init__(self, target: Target, ends: float) -> None:
        super().__init__(target.host, target.port)
        # By which the Host header leaves the port out.
        self.default_port = PORTS[target.scheme]
        self.target, self.ends = target, ends

    def connect(self) -> None:
        found = [each for each in _look_up(self.target, self._left()) if may_call(str(each[-1][0]))]
        if not found:
            raise errors.TargetRefused
        self.sock = self._secured(self._first_open(found[:MOST_ADDRESSES]))

    def _first_open(self, found: list[tuple[Any, ...]]) -> openers.Ending:
        *others, last = found
        for number, each in enumerate(others):
            try:
                return self._open(each, self._left() / (len(found) - number))
            except OSError:
                continue
        return self._open(last, self._left())

    def _open(self, found: tuple[Any, ...], seconds: float) -> openers.Ending:
        family, type_, protocol, _, address = found
        plain = openers.Ending(family, type_, protocol)
        plain.settimeout(seconds)
        try:
            plain.connect(address)
        except OSError:
            plain.close()
            raise
        return plain

    def _secured(self, plain: openers.Ending) -> openers.Ending:
        plain.settimeout(self._left())
        sock = plain
        if self.target.scheme == "https":
            secure = _trusted().wrap_socket(plain, server_hostname=self.target.host)
            assert isinstance(secure, openers.EndingTls)
            sock = secure
        sock.end_after(self._left())
        return sock

    def _left(self) -> float:
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


@cache
def _trusted() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.sslsocket_class = openers.EndingTls
    return context


def _look_up(target: Target, seconds: float) -> list[tuple[Any, ...]]:
    """The addresses of the host. The system's look-up has no end of its own: it is left behind after a time."""
    answers: queue.SimpleQueue[list[tuple[Any, ...]]] = queue.SimpleQueue()

    def look() -> None:
        try:
            answers.put(socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            answers.put([])

    threading.Thread(target=look, daemon=True).start()
    try:
        found = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if not found:
        raise errors.TargetUnanswered("Its host has no address.")
    return found
