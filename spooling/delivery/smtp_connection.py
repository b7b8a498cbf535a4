"""One connection of a pool: its TLS, its deadline, and the session that it carries, with the first host that serves."""

from __future__ import annotations

import os
import select
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final, Protocol

from spooling.delivery import smtp_commands, smtp_session
from spooling.delivery.smtp_commands import Tls
from spooling.delivery.smtp_replies import (
    BODY,
    CLOSED,
    CONNECT,
    DATA,
    EHLO,
    GATE,
    GREETING,
    HANDSHAKE,
    IDLE,
    LAST_LINE,
    MAIL,
    QUIT,
    RCPT,
    REPLY_LIMIT,
    STARTTLS,
    Fault,
    Outcome,
    Verdict,
    gather,
)
from spooling.delivery.smtp_socket import LATER, READ, Socket, Turns

_READ_SIZE: Final = 8192
#: Where a fault may be the message's own.
_OF_A_MESSAGE: Final = frozenset((MAIL, RCPT, DATA))
#: Where a host shows that it does not serve, whatever the message.
_OF_A_HOST: Final = frozenset((GREETING, EHLO, STARTTLS))
_OF_A_HOST_WITH_TLS: Final = _OF_A_HOST | {HANDSHAKE}


class Ring(Turns, Protocol):
    """What a connection needs of its loop."""

    report: Callable[[int, Outcome], None]
    #: Those that wait at the gate.
    gated: list[Connection]


class Owner(Protocol):
    """What a connection needs of its pool."""

    server: smtp_commands.Server
    patience: dict[str, float]
    idle: dict[Connection, None]
    #: Whether there are more connections than there may be; and whether one was lost of late.
    crowded: bool
    faulty: bool

    @property
    def loop(self) -> Ring: ...

    @property
    def clear_text(self) -> bool: ...

    def take(self) -> smtp_commands.Message | None: ...

    def retire(self, connection: Connection) -> None: ...

    def recover(self, connection: Connection) -> None: ...

    def lose(self, connection: Connection, fault: Fault | None) -> None: ...

    def tls_context(self) -> ssl.SSLContext: ...


class Connection(Socket):
    """Tries the endpoints in turn, then runs its session; `judged` once the server gave a verdict."""

    __slots__ = (
        "pool", "loop", "serial", "endpoint", "endpoints", "message", "body", "clear_text", "judged", "remaining",
        "session", "partial", "lines",
    )  # fmt: skip

    endpoint: smtp_commands.Endpoint

    def __init__(
        self,
        pool: Owner,
        endpoints: list[smtp_commands.Endpoint],
        message: smtp_commands.Message,
        serial: int,
    ) -> None:
        super().__init__(pool.loop, pool.patience, CONNECT)
        self.pool, self.loop, self.serial = pool, pool.loop, serial
        self.endpoints = endpoints
        self.message: smtp_commands.Message | None = message
        self.body: smtp_commands.Message | None = None
        self.judged = False
        self.clear_text = pool.clear_text
        self.remaining = pool.server.mails_per_connection - 1
        self.session = smtp_session.converse(self, pool.server)
        self.partial = b""
        self.lines: list[bytes] = []

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

    def settle(self, message: smtp_commands.Message, outcome: Outcome) -> None:
        """Report a verdict, which also shows that the route works."""
        self.judged = True
        if self.pool.faulty:
            self.pool.recover(self)
        self.loop.report(message.key, outcome)

    def open(self) -> None:
        """Begin to connect to the next endpoint."""
        self.endpoint = self.endpoints.pop(0)
        self.stage = CONNECT
        self.deadline = self.loop.time + self.pool.server.timeouts.connect
        if problem := self.connect(self.endpoint, self._connecting):
            self._unreachable(problem)

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
            self._break(Fault(self.stage, f"timed out at {self.stage}"))

    def fail(self, fault: Fault) -> None:
        """End at once: an open body whose final dot went out is in doubt, all else here untouched.

        The outcome of a message tells whether the line broke at its own command, or under it.
        """
        self.disconnect()
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

    def _break(self, fault: Fault) -> None:
        """The host failed: where a domain names several, the next one is tried (RFC 5321 §5.1)."""
        server = self.pool.server
        route, stages = server.route, _OF_A_HOST_WITH_TLS if server.tls is Tls.STARTTLS else _OF_A_HOST
        if route is None or fault.stage not in stages:
            return self.fail(fault)
        route.broke(self.endpoint)
        if not self.endpoints:
            return self.fail(fault)
        self.disconnect()
        self.encrypted = False
        self.pending, self.partial, self.lines = memoryview(b""), b"", []
        self.session = smtp_session.converse(self, self.pool.server)
        return self.open()

    def _connecting(self, mask: int) -> None:
        problem = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if problem:
            return self._unreachable(os.strerror(problem))
        if not mask & select.EPOLLOUT:
            return None
        self.watch(READ)
        self.loop.handlers[self.fd] = self._talk
        if self.pool.server.tls is Tls.IMPLICIT:
            return self._start_tls()
        return self._resume(self.session.send, [None])

    def _unreachable(self, text: str) -> None:
        if self.pool.server.route is not None:
            self.pool.server.route.broke(self.endpoint)
        if not self.endpoints:
            return self.fail(Fault(CONNECT, text))
        self.disconnect()
        return self.open()

    def _start_tls(self) -> None:
        if self.partial or self.lines or self.pending:
            return self.fail(Fault(HANDSHAKE, "plaintext injected before the TLS handshake"))
        self.stage = HANDSHAKE
        self.deadline = self.loop.time + self.pool.server.timeouts.connect
        try:
            self.encrypt(self.pool.tls_context(), self.endpoint.host, self._handshake)
        except (OSError, ValueError) as error:
            return self._break(Fault(HANDSHAKE, str(error)))
        return self._handshake(0)

    def _handshake(self, mask: int) -> None:
        assert isinstance(self.sock, ssl.SSLSocket)
        try:
            self.sock.do_handshake()
        except ssl.SSLWantReadError:
            return self.watch(READ)
        except ssl.SSLWantWriteError:
            return self.watch(select.EPOLLOUT)
        except (OSError, ValueError) as error:
            return self._break(Fault(HANDSHAKE, str(error)))
        self.watch(READ)
        self.loop.handlers[self.fd] = self._talk
        return self._resume(self.session.send, [None])

    def _talk(self, mask: int) -> None:
        if mask & select.EPOLLOUT and self.flush():
            self.watch(READ)
        again, sock = True, self.sock
        while again and self._read() and self.fd >= 0:
            # More may wait inside TLS; and a hang-up is to be seen before a body goes out.
            again = self.stage is not HANDSHAKE and (self.encrypted or mask & select.EPOLLRDHUP > 0)
            # Not that of the next host.
            again = again and self.sock is sock

    def _read(self) -> bool:
        try:
            octets = self._recv(_READ_SIZE)
        except LATER:
            return False
        except OSError as error:
            self._break(Fault(self.stage, str(error)))
            return False
        if not octets:
            self._break(Fault(self.stage, f"server closed the connection at {self.stage}"))
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
            return self._break(fault)
        if lines:
            self._await(stage)
        return None

    def _await(self, stage: str) -> None:
        self.stage = stage
        self.deadline = self.loop.time + self.patience[stage]
        if stage is GATE:
            self.loop.gated.append(self)
        elif stage is IDLE:
            self.pool.idle[self] = None
        elif stage is HANDSHAKE:
            self._start_tls()
