"""A message as its octets come: read at once, whatever its lines, and never more than memory is set aside for."""

from __future__ import annotations

import asyncio
import collections
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from earwig import logins

#: Seconds that one message may take to come.
MESSAGE_SECONDS = 900.0
_CHUNK = 1 << 24
_END = b"\r\n.\r\n"


class Talking(Protocol):
    """A connection."""

    def hang_up(self) -> None:
        """End it."""


@dataclass(slots=True)
class Crowd:
    """All connections of a process: how many there are, from whom, and how much of their messages is in memory."""

    most: int = 1_000
    most_from_one: int = 100
    most_octets: int = 512 * 1024 * 1024
    octets: int = 0
    #: Those who are to be told when the server ends.
    talking: set[Talking] = field(default_factory=set)
    _peers: collections.Counter[str] = field(default_factory=collections.Counter)

    def enter(self, ip: str) -> bool:
        """Whether there is a place for one more."""
        peer = logins.origin(ip)
        if self._peers.total() >= self.most or self._peers[peer] >= self.most_from_one:
            return False
        self._peers[peer] += 1
        return True

    def leave(self, ip: str) -> None:
        peer = logins.origin(ip)
        self._peers[peer] -= 1
        if not self._peers[peer]:
            del self._peers[peer]


class Reading:
    """The octets of one message as they come, up to the dot that ends them."""

    def __init__(self, crowd: Crowd, most: int) -> None:
        # The line break of DATA itself is the one before a dot that comes at once.
        self._text = bytearray(b"\r\n")
        self._crowd, self._most = crowd, most
        self._held = self._read = 0
        self._refusal = ""

    async def run(self, reader: asyncio.StreamReader, awake: Callable[[], None]) -> str:
        """Read to the end; answers why the message cannot be taken, if it cannot. What came behind it stays.

        Raises ConnectionResetError.
        """
        ends_at = time.monotonic() + MESSAGE_SECONDS
        searched = 0
        while (end := self._text.find(_END, searched)) < 0:
            if self._refusal:
                del self._text[: -len(_END)]
            searched = max(0, len(self._text) - len(_END))
            self._add(await reader.read(_CHUNK))
            if time.monotonic() > ends_at:
                raise ConnectionResetError
            awake()
        rest = bytes(self._text[end + len(_END) :])
        if rest:
            # All that was buffered has been read, so this stands first.
            reader.feed_data(rest)
        del self._text[end + 2 :]
        return self._refusal

    def _add(self, chunk: bytes) -> None:
        if not chunk:
            raise ConnectionResetError
        self._text += chunk
        self._read += len(chunk)
        if self._refusal:
            return
        self._held += len(chunk)
        self._crowd.octets += len(chunk)
        if self._read > self._most + len(_END):
            self._refuse("552 5.3.4 The message is too large")
        elif self._crowd.octets > self._crowd.most_octets:
            self._refuse("452 4.3.1 Too much mail at once; try again later")

    def _refuse(self, refusal: str) -> None:
        """What is refused takes no room while the rest of it comes."""
        self._refusal = refusal
        self._crowd.octets -= self._held
        self._held = 0

    def message(self) -> bytes:
        """The message, its dots unstuffed (RFC 5321 §4.5.2)."""
        if self._text.find(b"\r\n.") >= 0:
            self._text = self._text.replace(b"\r\n.", b"\r\n")
        return bytes(memoryview(self._text)[2:])

    def forget(self) -> None:
        self._crowd.octets -= self._held
        self._held = 0
        self._text = bytearray()
