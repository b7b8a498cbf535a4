"""The connections to one server, or to the servers of one domain, opened as there are messages for them."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sized
from dataclasses import dataclass
from typing import Final, Protocol

from spooling.delivery import smtp_replies as replies
from spooling.delivery.smtp_commands import Endpoint, Message, Server, Timeouts, Tls
from spooling.delivery.smtp_connection import Connection, Ring
from spooling.delivery.smtp_replies import Fault

Feed = Callable[[], Message | None]

#: Seconds between attempts to connect after a fault: doubled from the first to the last.
FIRST_PAUSE: Final = 0.1
LAST_PAUSE: Final = 5.0
#: Seconds after a failed handshake in which opportunistic TLS is not tried.
CLEAR_TEXT_TTL: Final = 300.0
#: Seconds for which the reply to QUIT is worth waiting.
QUIT_PATIENCE: Final = 2.0


@dataclass(slots=True)
class Budget:
    """Connections that several pools may have together; `hungry` while one has messages and may not open any."""

    size: int
    used: int = 0
    hungry: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionFault:
    """Why the last connection failed before the server judged a message, and how many did so in a row."""

    stage: str
    code: int
    text: str
    consecutive: int


@dataclass(frozen=True, slots=True)
class Share:
    """What a pool may have of connections that others may have too; `backlog` is what waits for one."""

    budgets: tuple[Budget, ...] = ()
    backlog: Sized = ()


ALONE: Final = Share()


class Loop(Ring, Protocol):
    """What a pool needs of its loop."""

    def wake(self) -> None: ...

    def resolve(self, server: Server) -> list[Endpoint]: ...


class Pool:
    """Connections to one server, opened as its feed has messages; made by Loop.open."""

    def __init__(
        self, loop: Loop, server: Server, *, connections: int, feed: Feed, share: Share = ALONE
    ) -> None:
        self.loop, self.server = loop, server
        self.fault: ConnectionFault | None = None
        self.connections: dict[Connection, None] = {}
        self.idle: dict[Connection, None] = {}
        self.patience = _patience(server.timeouts)
        self.crowded = self.faulty = self.closed = False
        self._feed, self._budgets, self._backlog = feed, share.budgets, share.backlog
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
        if self.idle and any(budget.hungry for budget in self._budgets):
            self._make_room()
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
        if connection in self.connections:
            del self.connections[connection]
            self._book(-1)
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
        if self._budgets and self._is_poor():
            return False
        return not self._pauses or all(connection.judged for connection in self.connections)

    def _is_poor(self) -> bool:
        full = [budget for budget in self._budgets if budget.used >= budget.size]
        if full and self._backlog:
            for budget in full:
                budget.hungry = True
        return bool(full)

    def _make_room(self) -> None:
        """Others have messages: what idles here ends."""
        while self.idle:
            self.idle.popitem()[0].go_on()

    def _book(self, connections: int) -> None:
        for budget in self._budgets:
            budget.used += connections
            budget.hungry = budget.hungry and connections < 0

    def _open(self, message: Message) -> None:
        self._opened += 1
        try:
            endpoints = self.loop.resolve(self.server)
        except (OSError, UnicodeError) as error:
            endpoints, problem = [], str(error)
        connection = Connection(self, list(endpoints), message, self._opened)
        self.connections[connection] = None
        self._book(1)
        self._count()
        if endpoints:
            connection.open()
        else:
            connection.fail(Fault(replies.CONNECT, problem))

    def _count(self) -> None:
        self.crowded = len(self.connections) - len(self._leaving) > self._size


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
