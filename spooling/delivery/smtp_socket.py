"""A socket of the SMTP client: what the kernel does not take at once leaves when it takes more."""

from __future__ import annotations

import errno
import ipaddress
import os
import select
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final, Protocol

from spooling.delivery.smtp_commands import Endpoint

READ: Final = select.EPOLLIN | select.EPOLLRDHUP
LATER: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Turns(Protocol):
    """What sockets need of the loop that turns them."""

    #: Of the monotonic clock, read once or twice a turn.
    time: float
    epoll: select.epoll
    handlers: dict[int, Callable[[int], None]]


class Socket:
    """Not connected yet; its `deadline` moves on whenever something more left."""

    __slots__ = (
        "turns", "stage", "deadline", "patience", "encrypted", "dot_due", "sock", "fd", "pending", "_send", "_recv",
    )  # fmt: skip

    sock: socket.socket
    _send: Callable[[Any], int]
    _recv: Callable[[int], bytes]

    def __init__(self, turns: Turns, patience: dict[str, float], stage: str) -> None:
        self.turns, self.patience, self.stage = turns, patience, stage
        self.deadline = 0.0
        self.fd = -1
        self.encrypted = False
        self.dot_due = 0
        self.pending: memoryview = memoryview(b"")

    def write(self, octets: bytes, dot: int = 0) -> None:
        """Send now what the kernel takes, the rest when it takes more; a broken line shows when read."""
        if not self.pending and not self.encrypted:
            try:
                sent = self._send(octets)
            except OSError:
                sent = 0
            if sent == len(octets):
                self.dot_due = 0
                return
        else:
            sent = 0
        if dot:
            self.dot_due = len(self.pending) + dot - sent
        self.pending = memoryview(bytes(self.pending) + octets[sent:])
        if not self.flush():
            self.watch(READ | select.EPOLLOUT)

    def flush(self) -> bool:
        """Send what is left; whether all of it went."""
        while self.pending:
            try:
                sent = self._send(self.pending)
            except OSError:
                return False
            self.dot_due -= sent
            self.pending = self.pending[sent:]
            self.deadline = self.turns.time + self.patience[self.stage]
        return True

    def loopback(self) -> bool:
        """Whether the server's address is this machine's."""
        host = ipaddress.ip_address(self.sock.getpeername()[0].partition("%")[0])
        return (getattr(host, "ipv4_mapped", None) or host).is_loopback

    def connect(self, endpoint: Endpoint, connected: Callable[[int], None]) -> str:
        """Begin to connect; `connected` is called when that is decided. Answers why it cannot even begin, or nothing."""
        try:
            self.sock = socket.socket(
                endpoint.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
            )
        except OSError as error:
            return str(error)
        self.fd = self.sock.fileno()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        problem = self.sock.connect_ex(endpoint.address)
        self._send, self._recv = self.sock.send, self.sock.recv
        self.turns.epoll.register(self.fd, READ | select.EPOLLOUT)
        self.turns.handlers[self.fd] = connected
        return "" if problem in (0, errno.EINPROGRESS) else os.strerror(problem)

    def encrypt(self, context: ssl.SSLContext, host: str, shake: Callable[[int], None]) -> None:
        """From here on all goes through TLS, and `shake` is called for its handshake. Raises OSError and ValueError."""
        self.sock = context.wrap_socket(self.sock, server_hostname=host, do_handshake_on_connect=False)
        self.encrypted = True
        self._send, self._recv = self.sock.send, self.sock.recv
        self.turns.handlers[self.fd] = shake

    def watch(self, mask: int) -> None:
        """Be called for these events."""
        self.turns.epoll.modify(self.fd, mask)

    def disconnect(self) -> None:
        """End at once; what was not sent is dropped."""
        if self.fd >= 0:
            del self.turns.handlers[self.fd]
            self.turns.epoll.unregister(self.fd)
            self.sock.close()
        self.fd = -1
