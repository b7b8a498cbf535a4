"""The pipelined SMTP client: pools of connections on one epoll loop.

One RCPT a transaction, and never more than one body without its reply on a connection.
"""

import os
import select
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from spooling.delivery import smtp_replies as replies
from spooling.delivery.smtp_commands import Message, Server, Timeouts, Tls
from spooling.delivery.smtp_connection import Address, Connection
from spooling.delivery.smtp_replies import Fault, Outcome, Verdict

__all__ = [
    "ConnectionFault", "Loop", "Message", "Outcome", "Pool", "Server", "Timeouts", "Tls", "Verdict",
]  # fmt: skip

Feed = Callable[[], Message | None]

#: Seconds between attempts to connect after a fault: doubled from the first to the last.
FIRST_PAUSE: Final = 0.1
LAST_PAUSE: Final = 5.0
#: Seconds for which the addresses of a host are believed.
RESOLUTION_TTL: Final = 30.0
#: Seconds after a failed handshake in which opportunistic TLS is not tried.
CLEAR_TEXT_TTL: Final = 300.0
#: Seconds for which the reply to QUIT is worth waiting.
QUIT_PATIENCE: Final = 2.0
#: Seconds between two looks at the deadlines of all connections.
DEADLINE_STEP: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionFault:
    """Why the last connection failed before the server judged a message, and how many did so in a row."""

    stage: str
    code: int
    text: str
    consecutive: int


class Pool:
    """Connections to one server, opened as its feed has messages; made by Loop.open."""

    def __init__(self, loop: "Loop", server: Server, *, connections: int, feed: Feed) -> None:
        self.loop, self.server = loop, server
        self.fault: ConnectionFault | None = None
        self.connections: dict[Connection, None] = {}
        self.idle: dict[Connection, None] = {}
        self.patience = _patience(server.timeouts)
        self.crowded = self.faulty = self.closed = False
        self._feed = feed
        self._leaving: set[Connection] = set()
        self._size = connections
        self._dry = False
        self._opened = self._last_faulty = 0
        self._pauses = 0
        self._paused_until = self._clear_text_until = 0.0
        self._tls: ssl.SSLContext | None = None

    @property
    def connections_open(self) -> int:
        """Those being opened and closed included."""
        return len(self.connections)

    @property
    def clear_text(self) -> bool:
        """Whether a connection opened now does without STARTTLS, because the handshake failed of late."""
        server = self.server
        optional = server.tls is Tls.OPPORTUNISTIC and not server.verify_certificate and not server.username
        return optional and self.loop.time < self._clear_text_until

    def wake(self) -> None:
        """The feed has messages again; may be called from any thread."""
        self.loop.wake()

    def resize(self, connections: int) -> None:
        """Have at most so many connections; those too many end after the message they carry."""
        self._size = connections
        self._count()

    def close(self) -> None:
        """End for good, in the coming turns and after the messages under way."""
        self.closed = True
        self.resize(0)

    def take(self) -> Message | None:
        """The feed's next message; a feed that had none is not asked again in the same turn."""
        if self._dry:
            return None
        message = self._feed()
        self._dry = message is None
        return message

    def fill(self) -> None:
        """Give messages to idle connections, and open others for what is left."""
        self._dry = False
        if not self.idle and len(self.connections) >= self._size:
            return
        while self.crowded and self.idle:
            self.idle.popitem()[0].go_on()
        while self.idle and (message := self.take()):
            connection = next(iter(self.idle))
            del self.idle[connection]
            connection.go_on(message)
        while self._may_open() and (message := self.take()):
            self._open(message)

    def retire(self, connection: Connection) -> None:
        """This connection will end; another need not."""
        self._leaving.add(connection)
        self._count()

    def recover(self, connection: Connection) -> None:
        """The server judged a message; only a connection younger than the fault ends the pauses."""
        self.fault = None
        if connection.serial > self._last_faulty:
            self._pauses = 0
        self.faulty = bool(self._pauses)

    def lose(self, connection: Connection, fault: Fault | None) -> None:
        """A connection has ended; a fault before it had any verdict is one of the route."""
        self.connections.pop(connection, None)
        self.idle.pop(connection, None)
        self._leaving.discard(connection)
        self._count()
        if fault is None or connection.judged and fault.stage is not replies.GATE:
            return
        self._last_faulty = max(self._last_faulty, connection.serial)
        self.pause()
        if fault.stage is replies.GATE:
            return
        if fault.stage is replies.HANDSHAKE:
            self._clear_text_until = self.loop.time + CLEAR_TEXT_TTL
        consecutive = self.fault.consecutive + 1 if self.fault else 1
        self.fault = ConnectionFault(
            stage=fault.stage, code=fault.code, text=fault.text[:500], consecutive=consecutive
        )

    def pause(self) -> None:
        """Open no connection for a while: longer each time, until one opened later has a verdict."""
        self.faulty = True
        if self.loop.time >= self._paused_until:
            self._paused_until = self.loop.time + min(LAST_PAUSE, FIRST_PAUSE * 2**self._pauses)
            self._pauses = min(self._pauses + 1, 16)

    def tls_context(self) -> ssl.SSLContext:
        """One for all connections."""
        if self._tls is None:
            self._tls = ssl.create_default_context()
            if not self.server.verify_certificate:
                self._tls.check_hostname = False
                self._tls.verify_mode = ssl.CERT_NONE
        return self._tls

    def _may_open(self) -> bool:
        if len(self.connections) >= self._size or self.loop.time < self._paused_until:
            return False
        return not self._pauses or all(connection.judged for connection in self.connections)

    def _open(self, message: Message) -> None:
        self._opened += 1
        try:
            addresses = self.loop.resolve(self.server)
        except (OSError, UnicodeError) as error:
            addresses, problem = [], str(error)
        connection = Connection(self, list(addresses), message, self._opened)
        self.connections[connection] = None
        self._count()
        if addresses:
            connection.open()
        else:
            connection.fail(Fault(replies.CONNECT, problem))

    def _count(self) -> None:
        self.crowded = len(self.connections) - len(self._leaving) > self._size


class Loop:
    """Pools on one epoll, turned by one thread; only wake may be called from others.

    `gate` is asked once a turn whether the bodies of these keys may go out; `report` takes each outcome.
    """

    def __init__(
        self,
        gate: Callable[[list[int]], bool],
        report: Callable[[int, Outcome], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.report = report
        self.time = now()
        self.epoll = select.epoll()
        self.handlers: dict[int, Callable[[int], None]] = {}
        self.gated: list[Connection] = []
        self._gate = gate
        self._now = now
        self._pools: list[Pool] = []
        self._resolved: dict[tuple[str, int], tuple[float, list[Address]]] = {}
        self._next_look = self.time
        self._waker = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.epoll.register(self._waker, select.EPOLLIN)
        self.handlers[self._waker] = self._awake

    def open(self, server: Server, *, connections: int, feed: Feed) -> Pool:
        """A pool of at most so many connections, which takes its messages from feed; feed must not raise."""
        pool = Pool(self, server, connections=connections, feed=feed)
        self._pools.append(pool)
        return pool

    def turn(self, timeout: float) -> None:
        """Wait at most so many seconds, and never longer than DEADLINE_STEP, then do all that can be done."""
        self.time = self._now()
        for pool in self._pools:
            pool.fill()
        events = self.epoll.poll(min(timeout, DEADLINE_STEP))
        self.time = self._now()
        handlers = self.handlers
        for descriptor, mask in events:
            handler = handlers.get(descriptor)
            if handler is not None:
                handler(mask)
        if self.gated:
            self._release()
        if self.time >= self._next_look:
            self._next_look = self.time + DEADLINE_STEP
            self._expire()

    @property
    def in_flight(self) -> int:
        """Messages taken from the feeds and not yet reported."""
        return sum(
            (connection.message is not None) + (connection.body is not None)
            for pool in self._pools
            for connection in pool.connections
        )

    @property
    def bodies_open(self) -> int:
        """Bodies sent, or being sent, whose reply was not read."""
        return sum(connection.body is not None for pool in self._pools for connection in pool.connections)

    def wake(self) -> None:
        """End the wait of the turn under way, or of the next; may be called from any thread."""
        os.eventfd_write(self._waker, 1)

    def close(self) -> None:
        """End all connections now: the idle by QUIT; what they carry is reported untouched or in doubt."""
        for connection in [connection for pool in self._pools for connection in pool.connections]:
            if connection.stage is replies.IDLE:
                connection.go_on()
            if connection.stage is not replies.CLOSED:
                connection.fail(Fault(connection.stage, "client is closing"))
        self._pools.clear()
        if not self.epoll.closed:
            self.epoll.close()
            os.close(self._waker)

    def resolve(self, server: Server) -> list[Address]:
        """The addresses of a server, in the order to try. Raises OSError when it has none."""
        known = self._resolved.get((server.host, server.port))
        if known is None or known[0] < self.time:
            found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
            known = self.time + RESOLUTION_TTL, [(family, address) for family, _, _, _, address in found]
            self._resolved[server.host, server.port] = known
        return known[1]

    def _release(self) -> None:
        gated, self.gated = self.gated, []
        ready = [connection for connection in gated if connection.stage is replies.GATE]
        if not ready:
            return
        if self._gate([connection.message.key for connection in ready if connection.message]):
            for connection in ready:
                connection.go_on()
        else:
            for connection in ready:
                connection.fail(Fault(replies.GATE, "bodies are held back"))

    def _expire(self) -> None:
        for pool in self._pools:
            for connection in [each for each in pool.connections if each.deadline < self.time]:
                connection.expire()
        self._pools = [pool for pool in self._pools if pool.connections or not pool.closed]

    def _awake(self, mask: int) -> None:
        os.eventfd_read(self._waker)


def _patience(timeouts: Timeouts) -> dict[str, float]:
    """Seconds to wait at each stage."""
    command = dict.fromkeys(
        (replies.GREETING, replies.EHLO, replies.STARTTLS, replies.AUTH), timeouts.command
    )
    return command | {
        replies.CONNECT: timeouts.connect,
        replies.HANDSHAKE: timeouts.connect,
        replies.MAIL: timeouts.command,
        replies.RCPT: timeouts.command,
        replies.RSET: timeouts.command,
        replies.GATE: timeouts.command,
        replies.DATA: timeouts.data_start,
        replies.BODY: timeouts.body_reply,
        replies.IDLE: timeouts.idle,
        replies.QUIT: min(QUIT_PATIENCE, timeouts.command),
    }
