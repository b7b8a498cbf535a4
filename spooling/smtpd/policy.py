"""What is taken from whom: from a key everything that its account may send, from others what comes back to us."""

from __future__ import annotations

import asyncio
import functools
import logging
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import Error, connection
from django.utils import timezone

from earwig import errors
from earwig.errors import EarwigError
from spooling import raw_messages
from spooling.inbound import automatic
from spooling.smtpd import arrivals, logins, replies, sasl, wishes
from spooling.smtpd.dialogue import Dialogue, Envelope, Session
from spooling.smtpd.queues import Queue
from spooling.smtpd.submissions import Submitted

Answer = TypeVar("Answer")

#: Of one message; a client sends the others in another one (RFC 5321 §4.5.3.1.10).
MOST_RECIPIENTS = 1_000
#: Addresses that a stranger may ask for in vain, before it is taken for one that guesses them.
MOST_REFUSED = 100
_RECEIVED = re.compile(rb"^Received:", re.IGNORECASE | re.MULTILINE)

log = logging.getLogger(__name__)


class Blocking:
    """Threads that wait for the database while connections go on talking."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self.pool = ThreadPoolExecutor(threads, "smtpd-looks")

    def close(self) -> None:
        """End them, each with its connection to the database."""
        together = threading.Barrier(self._threads)

        def end(number: int) -> None:
            together.wait()
            connection.close()

        list(self.pool.map(end, range(self._threads)))
        self.pool.shutdown()

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """What `work` answers; raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, functools.partial(_fresh, work))


def _fresh(work: Callable[[], Answer]) -> Answer:
    connection.close_if_unusable_or_obsolete()
    try:
        return work()
    except Error:
        connection.close()
        raise


# aiosmtpd looks for its `handle_…` methods by these names.
class Policy:
    """Submission with a key; where it `receives`, mail to our own addresses without one."""

    def __init__(self, queue: Queue, blocking: Blocking, *, submits: bool, receives: bool) -> None:
        self._queue, self._blocking = queue, blocking
        self._submits, self._receives = submits, receives

    async def handle_exception(self, error: Exception) -> str:
        if isinstance(error, Error):
            return replies.NOT_STORED
        log.error("A command of a mail client broke.", extra={"error": type(error).__name__})
        return "451 4.3.0 Something went wrong here; try again later"

    async def handle_EHLO(
        self,
        server: Dialogue,
        session: Session,
        envelope: Envelope,
        name: str,
        offers: list[str],
    ) -> list[str]:
        session.host_name = name
        if not self._submits:
            offers = [line for line in offers if not line.startswith("250-AUTH")]
        return [*offers[:-1], "250-PIPELINING", "250-DSN", "250 ENHANCEDSTATUSCODES"]

    async def handle_AUTH(
        self, server: Dialogue, session: Session, envelope: Envelope, args: list[str]
    ) -> str | None:
        if not self._submits:
            return "502 5.5.1 No keys are taken here"
        given = await (sasl.plain if args[0] == "PLAIN" else sasl.login)(server, args[1:])
        if given is None:
            # What was wrong has been said.
            return None
        user, secret = given
        now = timezone.now()
        try:
            login = await self._blocking.run(lambda: logins.enter(user, secret, ip=server.ip, now=now))
        except EarwigError as error:
            return replies.of(error)
        except Error:
            return "454 4.3.0 Keys cannot be looked up now; try again later"
        session.authenticated, session.login = True, login
        return "235 2.7.0 Welcome"

    async def handle_MAIL(
        self,
        server: Dialogue,
        session: Session,
        envelope: Envelope,
        address: str,
        mail_options: list[str],
    ) -> str:
        login = session.login
        if login is None and not self._receives:
            return "530 5.7.0 Log in first"
        try:
            sender = address if address == "<>" else wishes.address(address, strict=login is not None)
            wishes.take(envelope, server.parameters)
            if login is not None and login.has_rate:
                await self._blocking.run(lambda: logins.count_message(login, now=timezone.now()))
        except wishes.Malformed:
            return "501 5.5.4 RET is FULL or HDRS, ENVID is xtext"
        except errors.InvalidAddress:
            return "553 5.1.7 This is no address"
        except EarwigError as error:
            return replies.of(error)
        envelope.mail_from = sender
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self,
        server: Dialogue,
        session: Session,
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],
    ) -> str:
        if len(envelope.recipients) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        try:
            recipient = wishes.recipient(address, server.parameters, strict=session.login is not None)
        except wishes.Malformed:
            return "501 5.5.4 NOTIFY is NEVER or some of SUCCESS, FAILURE, DELAY; ORCPT is a type and xtext"
        except errors.InvalidAddress:
            return "553 5.1.3 This is no address"
        if session.login is None:
            try:
                refusal = await self._blocking.run(lambda: arrivals.refusal(recipient.email))
            except Error:
                return replies.NOT_STORED
            if refusal:
                return self._refuse(server, session, refusal)
        envelope.recipients.append(recipient)
        envelope.rcpt_tos.append(recipient.email)
        return "250 2.1.5 OK"

    def _refuse(self, server: Dialogue, session: Session, refusal: str) -> str:
        session.refused += 1
        if session.refused < MOST_REFUSED:
            return refusal
        server.close_soon()
        return "421 4.7.0 Too many addresses that nobody has here"

    async def handle_DATA(self, server: Dialogue, session: Session, envelope: Envelope) -> str:
        raw = envelope.original_content or b""
        if raw_messages.has_bare_line_ends(raw):
            return self.same("554 5.6.0 Lines end with CR and LF, and hold neither alone", envelope)
        sender = "" if envelope.mail_from in (None, "<>") else str(envelope.mail_from)
        if session.login is None:
            return await self._receive(sender, envelope, raw)
        return await self._queue.put(
            Submitted(
                login=session.login,
                sender=sender,
                ret=envelope.ret,
                envid=envelope.envid,
                recipients=tuple(envelope.recipients),
                raw=raw,
            )
        )

    async def _receive(self, sender: str, envelope: Envelope, raw: bytes) -> str:
        if len(_RECEIVED.findall(raw.partition(b"\r\n\r\n")[0])) > automatic.MOST_HOPS:
            return self.same("554 5.4.6 It goes in circles", envelope)
        now = timezone.now()
        answers = [
            await self._blocking.run(
                functools.partial(arrivals.take, sender=sender, recipient=each.email, raw=raw, now=now)
            )
            for each in envelope.recipients
        ]
        return self._together(answers)

    def _together(self, answers: Sequence[str]) -> str:
        # Whoever took it takes it again without harm.
        return next((answer for answer in answers if answer != replies.OK), replies.OK)

    def same(self, answer: str, envelope: Envelope) -> str:
        """The reply where a message is answered alike for all of its recipients."""
        return answer


class LocalPolicy(Policy):
    """LMTP: the same from a server on this machine, with a reply for each recipient (RFC 2033 §4.2)."""

    def _refuse(self, server: Dialogue, session: Session, refusal: str) -> str:
        # It asks for all that others send to it, and guesses nothing.
        return refusal

    def _together(self, answers: Sequence[str]) -> str:
        return "\r\n".join(answers)

    def same(self, answer: str, envelope: Envelope) -> str:
        return self._together([answer] * len(envelope.recipients))
