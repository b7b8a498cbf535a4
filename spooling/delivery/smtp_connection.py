"""One connection of a pool: its socket, its TLS, its deadline, and the session that it carries."""

import errno
import ipaddress
import os
import select
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from spooling.delivery import smtp_commands, smtp_session
from spooling.delivery.smtp_replies import (
    BODY,
    CLOSED,
    CONNECT,
    DATA,
    GATE,
    HANDSHAKE,
    IDLE,
    LAST_LINE,
    MAIL,
    QUIT,
    RCPT,
    REPLY_LIMIT,
    Fault,
    Outcome,
    Verdict,
    gather,
)

if TYPE_CHECKING:
    from spooling.delivery.smtp import Pool

Address = tuple[socket.AddressFamily, tuple[Any, ...]]

_READ: Final = select.EPOLLIN | select.EPOLLRDHUP
_READ_SIZE: Final = 8192
#: Where a fault may be the message's own.
_OF_A_MESSAGE: Final = frozenset((MAIL, RCPT, DATA))
_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Connection:
    """Tries the addresses in turn, then runs its session; `judged` once the server gave a verdict."""

    __slots__ = (
        "pool", "loop", "serial", "addresses", "stage", "deadline", "message", "body", "dot_due", "encrypted",
        "clear_text", "judged", "remaining", "sock", "fd", "session", "pending", "partial", "lines", "_send",
        "_recv",
    )  # fmt: skip

    sock: socket.socket

    def __init__(
        self, pool: "Pool", addresses: list[Address], message: smtp_commands.Message, serial: int
    ) -> None:
        self.pool, self.loop, self.serial = pool, pool.loop, serial
        self.addresses = addresses
        self.fd = -1
        self.stage, self.deadline = CONNECT, 0.0
        self.message: smtp_commands.Message | None = message
        self.body: smtp_commands.Message | None = None
        self.dot_due = 0
        self.encrypted = self.judged = False
        self.clear_text = pool.clear_text
        self.remaining = pool.server.mails_per_connection - 1
        self.session = smtp_session.converse(self, pool.server)
        self.pending: memoryview = memoryview(b"")
        self.partial = b""
        self.lines: list[bytes] = []

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
        if not self._flush():
            self._watch(_READ | select.EPOLLOUT)

    def take(self) -> smtp_commands.Message | None:
        """The pool's next message, while this connection may carry more."""
        if self.remaining <= 0 or self.pool.crowded and self.spent():
            return None
        message = self.pool.take()
        if message is not None:
            self.remaining -= 1
        return message

    def spent(self) -> bool:
        """Whether this connection carried all it may, or the pool has too many."""
        if self.pool.crowded:
            self.remaining = 0
            self.pool.retire(self)
        return self.remaining <= 0

    def loopback(self) -> bool:
        """Whether the server's address is this machine's."""
        host = ipaddress.ip_address(self.sock.getpeername()[0].partition("%")[0])
        return (getattr(host, "ipv4_mapped", None) or host).is_loopback

    def settle(self, message: smtp_commands.Message, outcome: Outcome) -> None:
        """Report a verdict, which also shows that the route works."""
        self.judged = True
        if self.pool.faulty:
            self.pool.recover(self)
        self.loop.report(message.key, outcome)

    def open(self) -> None:
        """Begin to connect to the next address."""
        family, address = self.addresses.pop(0)
        try:
            self.sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        except OSError as error:
            return self._unreachable(str(error))
        self.fd = self.sock.fileno()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.deadline = self.loop.time + self.pool.server.timeouts.connect
        problem = self.sock.connect_ex(address)
        self._send, self._recv = self.sock.send, self.sock.recv
        self.loop.epoll.register(self.fd, _READ | select.EPOLLOUT)
        self.loop.handlers[self.fd] = self._connecting
        if problem not in (0, errno.EINPROGRESS):
            return self._unreachable(os.strerror(problem))
        return None

    def go_on(self, message: smtp_commands.Message | None = None) -> None:
        """Leave the session's GATE, HANDSHAKE or IDLE; an idle one without a message ends by QUIT."""
        if self.stage is IDLE:
            self.message = message
            self.remaining = self.remaining - 1 if message else 0
        self._resume(self.session.send, [None])

    def expire(self) -> None:
        """The deadline has passed."""
        if self.stage is IDLE:
            self.pool.idle.pop(self, None)
            self.go_on()
        elif self.stage is CONNECT:
            self._unreachable("connection timed out")
        else:
            self.fail(Fault(self.stage, f"timed out at {self.stage}"))

    def fail(self, fault: Fault) -> None:
        """End at once: an open body whose final dot went out is in doubt, all else here untouched.

        The outcome of a message tells whether the line broke at its own command, or under it.
        """
        self._close()
        self.pool.lose(self, None if self.stage is QUIT else fault)
        self.stage = CLOSED
        body, message, self.body, self.message = self.body, self.message, None, None
        text = fault.text[:500]
        if body is not None:
            doubtful = self.dot_due <= 0
            verdict = Verdict.IN_DOUBT if doubtful else Verdict.UNTOUCHED
            self.loop.report(body.key, Outcome(verdict, fault.code, text, BODY if doubtful else "connection"))
        if message is not None:
            stage = fault.stage if fault.stage in _OF_A_MESSAGE else "connection"
            self.loop.report(message.key, Outcome(Verdict.UNTOUCHED, fault.code, text, stage))

    def _connecting(self, mask: int) -> None:
        problem = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if problem:
            return self._unreachable(os.strerror(problem))
        if not mask & select.EPOLLOUT:
            return None
        self._watch(_READ)
        self.loop.handlers[self.fd] = self._talk
        if self.pool.server.tls is smtp_commands.Tls.IMPLICIT:
            return self._start_tls()
        return self._resume(self.session.send, [None])

    def _unreachable(self, text: str) -> None:
        if not self.addresses:
            return self.fail(Fault(CONNECT, text))
        self._close()
        return self.open()

    def _start_tls(self) -> None:
        if self.partial or self.lines or self.pending:
            return self.fail(Fault(HANDSHAKE, "plaintext injected before the TLS handshake"))
        self.stage = HANDSHAKE
        self.deadline = self.loop.time + self.pool.server.timeouts.connect
        try:
            self.sock = self.pool.tls_context().wrap_socket(
                self.sock, server_hostname=self.pool.server.host, do_handshake_on_connect=False
            )
        except (OSError, ValueError) as error:
            return self.fail(Fault(HANDSHAKE, str(error)))
        self.encrypted = True
        self._send, self._recv = self.sock.send, self.sock.recv
        self.loop.handlers[self.fd] = self._handshake
        return self._handshake(0)

    def _handshake(self, mask: int) -> None:
        assert isinstance(self.sock, ssl.SSLSocket)
        try:
            self.sock.do_handshake()
        except ssl.SSLWantReadError:
            return self._watch(_READ)
        except ssl.SSLWantWriteError:
            return self._watch(select.EPOLLOUT)
        except (OSError, ValueError) as error:
            return self.fail(Fault(HANDSHAKE, str(error)))
        self._watch(_READ)
        self.loop.handlers[self.fd] = self._talk
        return self._resume(self.session.send, [None])

    def _talk(self, mask: int) -> None:
        if mask & select.EPOLLOUT and self._flush():
            self._watch(_READ)
        again = True
        while again and self._read() and self.fd >= 0:
            # More may wait inside TLS; and a hang-up is to be seen before a body goes out.
            again = self.stage is not HANDSHAKE and (self.encrypted or mask & select.EPOLLRDHUP > 0)

    def _read(self) -> bool:
        try:
            octets = self._recv(_READ_SIZE)
        except _LATER:
            return False
        except OSError as error:
            self.fail(Fault(self.stage, str(error)))
            return False
        if not octets:
            self.fail(Fault(self.stage, f"server closed the connection at {self.stage}"))
            return False
        lines = (self.partial + octets).split(b"\n") if self.partial else octets.split(b"\n")
        self.partial = lines.pop()
        self._resume(self.session.send, lines)
        return True

    def _resume(self, send: Callable[[bytes | None], str], lines: list[Any]) -> None:
        stage = self.stage
        try:
            for line in lines:
                if line is None or line[:4] in LAST_LINE and not self.lines:
                    stage = send(line)
                elif (reply := gather(self.lines, line, stage)) is not None:
                    stage = send(reply)
            if len(self.partial) > REPLY_LIMIT:
                raise Fault(stage, "endless reply")
        except Fault as fault:
            return self.fail(fault)
        if lines:
            self._await(stage)
        return None

    def _await(self, stage: str) -> None:
        self.stage = stage
        self.deadline = self.loop.time + self.pool.patience[stage]
        if stage is GATE:
            self.loop.gated.append(self)
        elif stage is IDLE:
            self.pool.idle[self] = None
        elif stage is HANDSHAKE:
            self._start_tls()

    def _flush(self) -> bool:
        while self.pending:
            try:
                sent = self._send(self.pending)
            except OSError:
                return False
            self.dot_due -= sent
            self.pending = self.pending[sent:]
            self.deadline = self.loop.time + self.pool.patience[self.stage]
        return True

    def _watch(self, mask: int) -> None:
        self.loop.epoll.modify(self.fd, mask)

    def _close(self) -> None:
        if self.fd >= 0:
            del self.loop.handlers[self.fd]
            self.loop.epoll.unregister(self.fd)
            self.sock.close()
        self.fd = -1
