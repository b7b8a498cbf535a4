"""SMTP load from a process of its own: connections that log in once, each with one message under way."""

import multiprocessing
import selectors
import socket
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

CONNECTIONS = 10
MESSAGE = (
    "From: Shop <shop@sender.example>\r\nTo: you@few.example\r\nSubject: Your order\r\n"
    "Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <order@sender.example>\r\nMIME-Version: 1.0\r\n"
    'Content-Type: multipart/alternative; boundary="=_b"\r\n\r\n'
    "--=_b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + "Thank you for your order.\r\n" * 30 + "\r\n"
    "--=_b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    + "<p>Thank you for your order.</p>\r\n" * 30
    + "\r\n--=_b--\r\n.\r\n"
).encode()


def apply(port: int, login: str, seconds: float) -> tuple[int, float]:
    """How many messages were taken, each with its reply, and how long that took."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_submit, port, login, seconds).result()


@dataclass(slots=True)
class _Connection:
    """What its client waits for: so many replies, then the next step."""

    socket: socket.socket
    received: bytes = b""
    awaited: int = 3
    in_data: bool = False

    def replies(self) -> list[bytes]:
        """The replies that were awaited, once all are there."""
        self.received += self.socket.recv(65536)
        lines = [line for line in self.received.split(b"\r\n")[:-1] if line[3:4] == b" "]
        if len(lines) < self.awaited or not self.received.endswith(b"\r\n"):
            return []
        self.received = b""
        return lines


def _submit(port: int, login: str, seconds: float) -> tuple[int, float]:
    accepted, number, start = 0, 0, time.monotonic()
    with selectors.DefaultSelector() as selector:
        for _ in range(CONNECTIONS):
            connection = _Connection(_logged_in(port, login))
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.socket.sendall(_envelope(number))
            number += 1
        while selector.get_map():
            for key, _ in selector.select(60):
                connection = key.data
                lines = connection.replies()
                if not lines:
                    continue
                if not connection.in_data:
                    assert lines[-1].startswith(b"354"), lines
                    connection.awaited, connection.in_data = 1, True
                    connection.socket.sendall(MESSAGE)
                    continue
                assert lines[0].startswith(b"250"), lines
                accepted += 1
                if time.monotonic() - start >= seconds:
                    selector.unregister(connection.socket)
                    connection.socket.close()
                    continue
                connection.awaited, connection.in_data = 3, False
                connection.socket.sendall(_envelope(number))
                number += 1
    return accepted, time.monotonic() - start


def _logged_in(port: int, login: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    lines = connection.makefile("rb")
    lines.readline()
    for command, code in ((b"EHLO bench\r\n", b"250 "), (login.encode(), b"235 ")):
        connection.sendall(command)
        while not lines.readline().startswith(code):
            pass
    return connection


def _envelope(number: int) -> bytes:
    return b"MAIL FROM:<shop@sender.example>\r\nRCPT TO:<p%d@few.example>\r\nDATA\r\n" % number
