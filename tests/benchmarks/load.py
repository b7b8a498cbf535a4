"""HTTP load from a process of its own: keep-alive connections, each with one request under way, prepared beforehand."""

import multiprocessing
import selectors
import socket
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

#: As many as gunicorn.conf.py gives threads.
CONNECTIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is posted where, in turn."""

    port: int
    path: str
    authorization: str
    bodies: Sequence[bytes]


@dataclass(slots=True)
class Outcome:
    """Answers by status, and the seconds until the last of them."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Requests a second that were answered by 201."""
        return self.statuses[201] / self.seconds


def apply(load: Load, *, seconds: float) -> Outcome:
    """Post for so long. Every request that was sent is answered when this returns."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_apply, load, seconds).result()


def request(load: Load, body: bytes) -> bytes:
    head = (
        f"POST {load.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {load.authorization}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def fetch(port: int, paths: Sequence[str], *, seconds: float) -> Outcome:
    """GET for so long, in turn, as `apply` posts."""
    requests = [get(path) for path in paths]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_send, port, requests, seconds).result()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Mozilla/5.0 (X11)\r\n\r\n".encode()


def _apply(load: Load, seconds: float) -> Outcome:
    return _send(load.port, [request(load, body) for body in load.bodies], seconds)


def _send(port: int, requests: Sequence[bytes], seconds: float) -> Outcome:
    outcome, number, start = Outcome(), 0, time.monotonic()
    with selectors.DefaultSelector() as selector:
        for _ in range(CONNECTIONS):
            connection = socket.create_connection(("127.0.0.1", port), timeout=60)
            selector.register(connection, selectors.EVENT_READ)
            connection.sendall(requests[number % len(requests)])
            number += 1
        while selector.get_map():
            for key, _ in selector.select(60):
                outcome.statuses[read_status(key.fileobj)] += 1
                if time.monotonic() - start < seconds:
                    key.fileobj.sendall(requests[number % len(requests)])
                    number += 1
                else:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
    outcome.seconds = time.monotonic() - start
    return outcome


def read_status(connection: socket.socket) -> int:
    """The status of one whole answer. Raises ConnectionError."""
    received = b""
    while not _is_whole(received):
        octets = connection.recv(65536)
        if not octets:
            raise ConnectionError("cut in an answer")
        received += octets
    return int(received[9:12])


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    length = head.lower().partition(b"content-length: ")[2]
    return len(body) >= int(length.split(b"\r\n")[0]) if length else body.endswith(b"0\r\n\r\n")
