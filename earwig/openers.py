"""Openers of URLs: each call is bounded in time as a whole, and no answer leads elsewhere."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
import urllib.request
from functools import partial
from typing import Any


def make(*handlers: urllib.request.BaseHandler, seconds: float) -> urllib.request.OpenerDirector:
    """One whose calls raise TimeoutError so long after they were connected, however slowly the other side goes on.

    The time-out given to `open` is for each step alone: a service that drips its header would never meet it.
    """
    return urllib.request.build_opener(_Plain(seconds), _Secure(seconds), _NoRedirects(), *handlers)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """An answer elsewhere is no answer: a token must not go there."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Ending(socket.socket):
    """A socket of which nothing is read, and to which nothing is written, after a moment."""

    ends = float("inf")
    step: float | None = None

    def end_after(self, seconds: float) -> None:
        """Each step may still last as long as the socket's time-out says."""
        self.step, self.ends = self.gettimeout(), time.monotonic() + seconds

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self._shorten()
        return super().recv_into(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        self._shorten()
        return super().send(*args, **kwargs)

    def _shorten(self) -> None:
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if left < float("inf"):
            self.settimeout(left if self.step is None else min(left, self.step))


class EndingTls(Ending, ssl.SSLSocket):
    """The same over TLS. The handshake is one step."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, host: str, *, seconds: float, **options: Any) -> None:
        super().__init__(host, **options)
        self.seconds = seconds

    def connect(self) -> None:
        super().connect()
        step = self.sock.gettimeout()
        self.sock = Ending(fileno=self.sock.detach())
        self.sock.settimeout(step)
        self.sock.end_after(self.seconds)


class _SecureConnection(http.client.HTTPSConnection):
    def __init__(self, host: str, *, seconds: float, **options: Any) -> None:
        super().__init__(host, **options)
        self.seconds = seconds

    def connect(self) -> None:
        super().connect()
        assert isinstance(self.sock, EndingTls)
        self.sock.end_after(self.seconds)


class _Plain(urllib.request.HTTPHandler):
    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.connection = partial(_Connection, seconds=seconds)

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self.connection, req)


class _Secure(urllib.request.HTTPSHandler):
    def __init__(self, seconds: float) -> None:
        self.trusted = ssl.create_default_context()
        self.trusted.sslsocket_class = EndingTls
        super().__init__(context=self.trusted)
        self.connection = partial(_SecureConnection, seconds=seconds)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self.connection, req, context=self.trusted)
