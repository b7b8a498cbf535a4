"""Header fields of a mail that came in, as they stand in it: to compare and to parse, not to show. Pure."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from earwig import errors, mailboxes
from spooling.received import printable

#: Characters of a field that are read.
_LONGEST = 2_000
_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)


class Fields:
    """The header section of a mail that was tamed."""

    def __init__(self, tamed: bytes) -> None:
        header, _, _ = tamed.partition(b"\n\n")
        self._message: Message = email.message_from_bytes(header + b"\n\n", policy=email.policy.compat32)

    def all(self, name: str) -> list[str]:
        """The values of all fields of a name, in order, each on one line."""
        values: Sequence[object] = self._message.get_all(name, [])
        return [printable(str(value)[:_LONGEST]).strip() for value in values]

    def first(self, name: str) -> str:
        """Empty without one."""
        return next(iter(self.all(name)), "")

    def author(self) -> str:
        """The address in From; empty where there is not exactly one, or none that mail can be sent to."""
        try:
            found = [address for _, address in getaddresses(self.all("From")[:2]) if address]
            return mailboxes.normal(found[0]) if len(found) == 1 else ""
        except (errors.InvalidAddress, RecursionError):
            # Comments inside comments go deeper than the library does.
            return ""

    def written_at(self, now: datetime) -> datetime:
        """What Date says, `now` where that is no moment in the past."""
        try:
            written = parsedate_to_datetime(self.first("Date"))
            written = written if written.tzinfo else written.replace(tzinfo=UTC)
            return written.astimezone(UTC) if _OLDEST <= written <= now else now
        except (ValueError, TypeError, OverflowError, IndexError):
            return now
