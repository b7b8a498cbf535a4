"""The ports of the server, from settings to open sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings
from django.db import connection

from spooling.smtpd.dialogue import Dialogue, LocalDialogue, Manner
from spooling.smtpd.policy import Blocking, LocalPolicy, Policy
from spooling.smtpd.queues import Queue
from spooling.smtpd.reading import Crowd

#: Threads that look up keys and recipients.
_LOOKING = 4
_HANDSHAKE_SECONDS = 30.0
#: The mail server that connects is of the same group.
_SOCKET_MODE = 0o660


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Where the server listens; `lmtp` is a port or `unix:` and a path, empty for none."""

    host: str
    submission: tuple[int, ...] = ()
    submission_tls: tuple[int, ...] = ()
    inbound: tuple[int, ...] = ()
    lmtp: str = ""

    @classmethod
    def of_settings(cls) -> Plan:
        return cls(
            host=settings.SMTPD_HOST,
            submission=tuple(settings.SUBMISSION_PORTS),
            submission_tls=tuple(settings.SUBMISSION_TLS_PORTS) if settings.SMTPD_TLS_CERT else (),
            inbound=tuple(settings.INBOUND_PORTS),
            lmtp=settings.SMTPD_LMTP,
        )

    def told(self) -> str:
        """For the operator, in one line."""
        ports = [("submission", self.submission), ("submission by TLS", self.submission_tls)]
        ports.append(("inbound", self.inbound))
        told = [f"{name} on {', '.join(map(str, numbers))}" for name, numbers in ports if numbers]
        return "; ".join([*told, f"LMTP on {self.lmtp}"] if self.lmtp else told)


async def serve(
    plan: Plan, context: ssl.SSLContext | None, *, ready: Callable[[], None] = lambda: None
) -> None:
    """Listen until cancelled; then store what was taken. Raises OSError for a port that is not free."""
    queue = Queue(threads=1 if connection.vendor == "sqlite" else 2)
    blocking = Blocking(_LOOKING)
    manner = Manner(
        hostname=settings.INBOUND_HOST,
        most_octets=settings.SMTPD_MAX_BYTES,
        crowd=Crowd(most_from_one=settings.SMTPD_MOST_FROM_ONE),
        certificate=context,
        clear_keys=not settings.REQUIRE_HTTPS,
    )
    servers: list[asyncio.Server] = []
    try:
        servers += await _listen(plan, manner, queue, blocking)
        ready()
        await asyncio.get_running_loop().create_future()
    finally:
        for server in servers:
            server.close()
        # What is being stored gets its reply.
        await asyncio.to_thread(queue.close)
        await asyncio.sleep(0)
        for dialogue in list(manner.crowd.talking):
            dialogue.hang_up()
        # Their tasks see it.
        await asyncio.sleep(0.1)
        await asyncio.to_thread(blocking.close)


async def _listen(plan: Plan, manner: Manner, queue: Queue, blocking: Blocking) -> list[asyncio.Server]:
    loop = asyncio.get_running_loop()
    submits = Policy(queue, blocking, submits=True, receives=False)
    both = Policy(queue, blocking, submits=True, receives=True)
    local = LocalPolicy(queue, blocking, submits=False, receives=True)
    servers = []
    for port in plan.submission:
        servers.append(await loop.create_server(lambda: Dialogue(submits, manner), plan.host or None, port))
    inner = replace(manner, certificate=None, implicit_tls=True)
    for port in plan.submission_tls:
        servers.append(
            await loop.create_server(
                lambda: Dialogue(submits, inner),
                plan.host or None,
                port,
                ssl=manner.certificate,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS,
            )
        )
    for port in plan.inbound:
        servers.append(await loop.create_server(lambda: Dialogue(both, manner), plan.host or None, port))
    if plan.lmtp:
        servers.append(await _listen_locally(plan.lmtp, lambda: LocalDialogue(local, inner)))
    return servers


async def _listen_locally(where: str, dialogue: Callable[[], Dialogue]) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    if where.startswith("unix:"):
        path = Path(where.removeprefix("unix:"))
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        return await loop.create_unix_server(dialogue, sock=_bound(path))
    return await loop.create_server(dialogue, "127.0.0.1", int(where))


def _bound(path: Path) -> socket.socket:
    """A socket that none can connect to before its mode is right, whatever the umask."""
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound.bind(str(path))
    path.chmod(_SOCKET_MODE)
    return bound
