"""gunicorn's threaded worker, but that a thread stays with its connection for a moment, and that what it cannot read is
refused in the form that programs know.
"""

from __future__ import annotations

import select
from http import HTTPStatus
from ssl import SSLError
from typing import Any

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

#: How long a thread waits for its connection's next request. A proxy with more to ask does so at once.
STAY_MILLISECONDS = 5
MOST_PASSED_OVER = 65_536
#: Of what is no request; all else of it is 400.
_STATUSES: dict[type[Exception], HTTPStatus] = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}


class WebWorker(ThreadWorker):
    """Passing each request from the main thread to another and back took a quarter of a tracked click's time."""

    def handle(self, conn: Any) -> Any:
        """Answer a request, and those that follow closely while there is a thread for every connection."""
        kept = super().handle(conn)
        while kept is True and self._asks_more(conn):
            kept = super().handle(conn)
        return kept

    def _asks_more(self, conn: Any) -> bool:
        if not self.alive or self.nr_conns > self.cfg.threads or conn.parser.unreader.buf.getvalue():
            return False
        poll = select.poll()
        poll.register(conn.sock, select.POLLIN)
        return bool(poll.poll(STAY_MILLISECONDS))

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what is no request, or broke its application. Neither answer nor log repeats what is no request."""
        path = getattr(req, "path", None) or ""
        if isinstance(exc, (errors.ParseException, SSLError)):
            status = _STATUSES.get(type(exc), HTTPStatus.BAD_REQUEST)
            self.log.warning("Invalid request from ip=%s: %s", (addr or ("",))[0], type(exc).__name__)
        else:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            self.log.exception("Error handling request %s", path)
        try:
            util.write_nonblock(client, _refusal(path, status))
            _pass_over(client)
        except OSError:
            self.log.debug("The client of a refused request is gone.")


def _pass_over(client: Any) -> None:
    """Read what came besides: a close before that is a reset, which takes the answer along."""
    client.setblocking(False)
    try:
        client.recv(MOST_PASSED_OVER)
    except BlockingIOError:
        pass


def _refusal(path: str, status: HTTPStatus) -> bytes:
    """The whole answer, in the form of the mount where the path could be read."""
    # gunicorn reads this module before it loads the application, and with it Django.
    from django.http import HttpRequest

    from config import views

    request = HttpRequest()
    request.path = request.path_info = path
    response = views.failure(request, status)
    response.headers.setdefault("Content-Length", str(len(response.content)))
    response.headers["Connection"] = "close"
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    return b"".join((head, response.serialize_headers(), b"\r\n\r\n", response.content))
