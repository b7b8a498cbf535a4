"""The pipelined SMTP client: pools of connections on one epoll loop.

One RCPT a transaction, and never more than one body without its reply on a connection.
"""

import os
import select
import socket
import time
from collections.abc import Callable
from typing import Final

from spooling.delivery import smtp_replies as replies
from spooling.delivery.smtp_commands import Endpoint, Message, Route, Server, Timeouts, Tls
from spooling.delivery.smtp_connection import Connection
from spooling.delivery.smtp_pool import ALONE, Budget, ConnectionFault, Feed, Pool, Share
from spooling.delivery.smtp_replies import Fault, Outcome, Verdict

__all__ = [
    "ALONE", "Budget", "ConnectionFault", "Endpoint", "Loop", "Message", "Outcome", "Pool", "Route", "Server", "Share",
    "Timeouts", "Tls", "Verdict",
]  # fmt: skip

#: Seconds for which the addresses of a host are believed.
RESOLUTION_TTL: Final = 30.0
#: Seconds between two looks at the deadlines of all connections.
DEADLINE_STEP: Final = 0.25


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
        self._resolved: dict[tuple[str, int], tuple[float, list[Endpoint]]] = {}
        self._next_look = self.time
        self._waker = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.epoll.register(self._waker, select.EPOLLIN)
        self.handlers[self._waker] = self._awake

    def open(self, server: Server, *, connections: int, feed: Feed, share: Share = ALONE) -> Pool:
        """A pool of at most so many connections, which takes its messages from feed; feed must not raise."""
        pool = Pool(self, server, connections=connections, feed=feed, share=share)
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

    def resolve(self, server: Server) -> list[Endpoint]:
        """The endpoints of a server, in the order to try. Raises OSError when it has none."""
        if server.route is not None:
            return server.route.endpoints()
        known = self._resolved.get((server.host, server.port))
        if known is None or known[0] < self.time:
            found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
            endpoints = [Endpoint(server.host, family, address) for family, _, _, _, address in found]
            known = self.time + RESOLUTION_TTL, endpoints
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
