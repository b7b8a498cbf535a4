"""One connection: aiosmtpd's protocol with DSN (RFC 3461), whole messages read at once, and bounds on strangers."""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass
from typing import Any

import aiosmtpd.smtp
from aiosmtpd.smtp import SMTP, syntax

from spooling.smtpd.logins import Login
from spooling.smtpd.reading import Crowd, Reading

#: Seconds of silence after which a connection is closed (RFC 5321 §4.5.3.2.7).
IDLE_SECONDS = 300.0
#: Octets of the longest command: an address, and all parameters of DSN.
LONGEST_COMMAND = 4_096
#: Octets that are read ahead. Lines of messages may be as long as they like.
_AHEAD = 64 * 1024
#: How often a connection may say what moves nothing.
_CALLS = {"NOOP": 1_000, "RSET": 100_000, "*": 1_000_000} | dict.fromkeys(
    ("AUTH", "EHLO", "EXPN", "HELO", "HELP", "LHLO", "STARTTLS", "VRFY"), 20
)
_PATH = re.compile(r"<([!-;=?-~]*)>((?: .*)?)", re.DOTALL)
#: Parameters that aiosmtpd does not know: RFC 3461 §4, and RFC 4954 §5, which says nothing here.
_MAIL_PARAMETERS = ("RET", "ENVID", "AUTH")
_RCPT_PARAMETERS = ("NOTIFY", "ORCPT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One RCPT, and what is asked for it by DSN."""

    email: str
    notify: str = ""
    orcpt: str = ""


class Session(aiosmtpd.smtp.Session):
    """What is known of a connection, until TLS starts."""

    login: Login | None = None
    #: Recipients that were refused to a stranger.
    refused: int = 0


class Envelope(aiosmtpd.smtp.Envelope):
    """What a message comes with."""

    def __init__(self) -> None:
        super().__init__()
        self.ret = self.envid = ""
        self.recipients: list[Recipient] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How connections of one port are talked to."""

    hostname: str
    most_octets: int
    crowd: Crowd
    #: Offered by STARTTLS where it is given.
    certificate: ssl.SSLContext | None = None
    #: Whether the port speaks TLS from the first octet.
    implicit_tls: bool = False
    #: Whether keys are taken without TLS from other machines too.
    clear_keys: bool = False
    idle_seconds: float = IDLE_SECONDS


class _Sizes(dict[str, int]):
    """Octets of the longest command, whatever it is."""

    def __missing__(self, command: str) -> int:
        return LONGEST_COMMAND


class Dialogue(SMTP):
    """What aiosmtpd says, bounded. `parameters` are those of the MAIL or RCPT at hand that it does not know."""

    line_length_limit = _AHEAD
    AuthLoginUsernameChallenge = "Username:"
    AuthLoginPasswordChallenge = "Password:"

    def __init__(self, policy: Any, manner: Manner) -> None:
        self.manner = manner
        self.ip = ""
        self.parameters: dict[str, str] = {}
        self.command_size_limits = _Sizes()
        self._refused = False
        #: Whose message is coming.
        self._taking: aiosmtpd.smtp.Envelope | None = None
        super().__init__(
            policy,
            data_size_limit=manner.most_octets,
            enable_SMTPUTF8=True,
            hostname=manner.hostname,
            ident="ESMTP",
            tls_context=manner.certificate,
            timeout=manner.idle_seconds,
            command_call_limit=_CALLS,
            loop=asyncio.get_running_loop(),
        )

    def _create_session(self) -> Session:
        return Session(self.loop)

    def _create_envelope(self) -> Envelope:
        return Envelope()

    def _cb_client_connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super()._cb_client_connected(reader, writer)
        read_on = reader.readuntil

        async def read_line(separator: bytes = b"\r\n") -> bytes:
            line = await read_on(separator)
            # A bare CR or LF ends no command; what holds one is none.
            return b"\r\n" if b"\n" in line[:-2] or b"\r" in line[:-2] else line

        reader.readuntil = read_line  # type: ignore[assignment, method-assign]

    # mypy knows the base's transport as any.
    def connection_made(self, transport: Any) -> None:
        if self._original_transport is None:
            peer = transport.get_extra_info("peername") or ""
            self.ip = peer[0] if isinstance(peer, tuple) else "127.0.0.1"
            if not self.manner.crowd.enter(self.ip):
                self._refused = True
                transport.write(b"421 4.7.0 Too many connections; try again later\r\n")
                transport.close()
                return
        self._auth_require_tls = not (
            self.manner.clear_keys or self.manner.implicit_tls or is_loopback(self.ip)
        )
        self.manner.crowd.talking.add(self)
        super().connection_made(transport)

    def hang_up(self) -> None:
        """End the connection, as the server ends."""
        if self.transport is not None:
            self._writer.write(b"421 4.3.2 The server ends; try again later\r\n")
            self.transport.close()

    def close_soon(self) -> None:
        """End the connection behind the reply at hand."""
        if self.transport is not None:
            self.loop.call_soon(self.transport.close)

    def connection_lost(self, error: Exception | None) -> None:
        if self._refused:
            return
        if self.ip:
            self.manner.crowd.leave(self.ip)
            self.manner.crowd.talking.discard(self)
            self.ip = ""
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        if not self._refused:
            super().data_received(data)

    def eof_received(self) -> bool | None:
        return None if self._refused else super().eof_received()

    def _timeout_cb(self) -> None:
        self._writer.write(b"421 4.4.2 Silent for too long\r\n")
        super()._timeout_cb()  # type: ignore[no-untyped-call]

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """Address and parameters of a path as every client writes it; of others as the library reads them."""
        found = _PATH.fullmatch(arg)
        if found:
            return found[1] or "<>", found[2]
        address, parameters = super()._getaddr(arg)
        return address, parameters

    async def smtp_AUTH(self, arg: str | None) -> None:
        if self.envelope is not None and self.envelope.mail_from:
            # RFC 4954 §4: what a stranger began is no key's.
            await self.push("503 5.5.1 Not within a message")
            return
        mechanism, blank, rest = (arg or "").partition(" ")
        await super().smtp_AUTH(mechanism.upper() + blank + rest)

    async def smtp_VRFY(self, arg: str | None) -> None:
        await self.push("252 2.5.0 Send it, and see")

    @syntax("MAIL FROM: <address>", extended=" [SP <mail-parameters>]")
    async def smtp_MAIL(self, arg: str | None) -> None:
        self.parameters, arg = _parted(arg, _MAIL_PARAMETERS)
        await super().smtp_MAIL(arg)

    @syntax("RCPT TO: <address>", extended=" [SP <mail-parameters>]")
    async def smtp_RCPT(self, arg: str | None) -> None:
        self.parameters, arg = _parted(arg, _RCPT_PARAMETERS)
        await super().smtp_RCPT(arg)

    @syntax("DATA")
    async def smtp_DATA(self, arg: str | None) -> None:
        if await self.check_helo_needed():
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        envelope = self.envelope
        if envelope is None or not envelope.rcpt_tos:
            await self.push("554 5.5.1 No valid recipients")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        self._taking = envelope
        try:
            status = await self._take_message(envelope)
        finally:
            self.envelope = self._create_envelope()
        self._taking = None
        await self.push(status)

    async def handle_exception(self, error: Exception) -> str:
        answer = await super().handle_exception(error)
        taking, self._taking = self._taking, None
        return str(answer if taking is None else self.event_handler.same(answer, taking))

    async def _take_message(self, envelope: aiosmtpd.smtp.Envelope) -> str:
        reading = Reading(self.manner.crowd, self.manner.most_octets)
        try:
            refusal = await reading.run(self._reader, self._reset_timeout)
            if refusal:
                return str(self.event_handler.same(refusal, envelope))
            envelope.original_content = reading.message()
            return str(await self._call_handler_hook("DATA"))
        finally:
            reading.forget()


class LocalDialogue(Dialogue):
    """LMTP: another greeting (RFC 2033 §4.1)."""

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, arg: str) -> None:
        await super().smtp_EHLO(arg)

    async def smtp_HELO(self, arg: str) -> None:
        await self.push("500 5.5.1 Say LHLO")

    async def smtp_EHLO(self, arg: str) -> None:
        await self.push("500 5.5.1 Say LHLO")


def is_loopback(ip: str) -> bool:
    return ip == "::1" or ip.removeprefix("::ffff:").startswith("127.")


def _parted(arg: str | None, names: tuple[str, ...]) -> tuple[dict[str, str], str | None]:
    """The parameters of these names, and the command without them."""
    if not arg or "=" not in arg:
        return {}, arg
    # A parameter may have brackets of its own: AUTH=<>.
    path, bracket, rest = arg.partition(">") if "<" in arg.partition("=")[0] else ("", "", arg)
    found, left = {}, []
    for word in rest.split(" "):
        name, _, value = word.partition("=")
        if name.upper() in names:
            found[name.upper()] = value
        else:
            left.append(word)
    return found, path + bracket + " ".join(left)
