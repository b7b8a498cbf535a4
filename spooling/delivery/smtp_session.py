"""The client's side of an SMTP session, as a generator: it yields the stage whose reply it awaits.

It knows no socket: `Peer` carries its octets, hands it messages and takes their outcomes.
"""

from collections.abc import Generator
from typing import Protocol

from spooling.delivery import smtp_commands as commands
from spooling.delivery import smtp_replies as replies
from spooling.delivery.smtp_replies import (
    AUTH,
    BODY,
    DATA,
    EHLO,
    GATE,
    GREETING,
    HANDSHAKE,
    IDLE,
    INTERMEDIATE,
    MAIL,
    NEGATIVE,
    POSITIVE,
    QUIT,
    RCPT,
    RSET,
    STARTTLS,
    TRANSIENT,
    Fault,
    Outcome,
)

#: Yields the awaited stage; is sent the reply, its lines joined by LF. GATE, HANDSHAKE and IDLE await
#: no reply but leave to go on (None): a reply that comes then was not asked for.
Session = Generator[str, bytes | None, None]
Exchange = Generator[str, bytes, None]


class Peer(Protocol):
    """What a session needs of its connection."""

    #: The message whose envelope is being judged.
    message: commands.Message | None
    #: The message whose body is open: at most one.
    body: commands.Message | None
    #: Octets still to be written before the final dot of `body` is out; 0 or less when it is.
    dot_due: int
    encrypted: bool
    clear_text: bool

    def write(self, octets: bytes, dot: int = 0) -> None:
        """Send; `dot` counts the octets up to and including the final dot of a body."""

    def take(self) -> commands.Message | None:
        """The next message, None when there is none now."""

    def spent(self) -> bool:
        """Whether this connection is to end."""

    def loopback(self) -> bool:
        """Whether the server's address is this machine's."""

    def settle(self, message: commands.Message, outcome: Outcome) -> None:
        """Report the server's verdict."""


def converse(peer: Peer, server: commands.Server) -> Session:
    """A whole session, from greeting to QUIT. Raises Fault when the connection cannot go on."""
    greeting = yield GREETING
    _demand(GREETING, greeting, POSITIVE)
    offered = yield from _introduce(peer, server)
    if _wants_tls(peer, server, offered) and (yield from _start_tls(peer, server)):
        offered = yield from _introduce(peer, server)
    if server.username:
        yield from _authenticate(peer, server, offered)
    yield from _pipelined(peer, offered) if offered.pipelining else _one_by_one(peer, offered)


def _introduce(peer: Peer, server: commands.Server) -> Generator[str, bytes | None, commands.Offers]:
    peer.write(f"EHLO {server.helo_name}\r\n".encode())
    reply = yield EHLO
    if reply and reply[0] == NEGATIVE:
        peer.write(f"HELO {server.helo_name}\r\n".encode())
        reply = yield EHLO
        _demand(EHLO, reply, POSITIVE)
        return commands.Offers()
    return commands.offers(_demand(EHLO, reply, POSITIVE))


def _wants_tls(peer: Peer, server: commands.Server, offered: commands.Offers) -> bool:
    if peer.encrypted or server.tls is commands.Tls.NONE:
        return False
    if server.tls is commands.Tls.STARTTLS and not offered.starttls:
        raise Fault(STARTTLS, "server does not offer STARTTLS")
    return offered.starttls and not peer.clear_text


def _start_tls(peer: Peer, server: commands.Server) -> Generator[str, bytes | None, bool]:
    """RFC 3207; what came before the handshake is not believed (§6, and CVE-2011-0411)."""
    peer.write(b"STARTTLS\r\n")
    reply = yield STARTTLS
    if reply and reply[0] != POSITIVE and server.tls is commands.Tls.OPPORTUNISTIC:
        if reply.startswith(b"421"):
            raise replies.fault(STARTTLS, reply)
        return False
    _demand(STARTTLS, reply, POSITIVE)
    if (yield HANDSHAKE) is not None:
        raise Fault(STARTTLS, "plaintext injected before the TLS handshake")
    return True


def _authenticate(peer: Peer, server: commands.Server, offered: commands.Offers) -> Session:
    """RFC 4954 with PLAIN (RFC 4616), else the LOGIN of the field; never in the clear over a network."""
    if not peer.encrypted and not peer.loopback():
        raise Fault(AUTH, "credentials are not sent without TLS")
    if "PLAIN" in offered.auth:
        peer.write(b"AUTH PLAIN " + commands.encoded(f"\0{server.username}\0{server.password}"))
    elif "LOGIN" in offered.auth:
        peer.write(b"AUTH LOGIN\r\n")
        for secret in (server.username, server.password):
            _demand(AUTH, (yield AUTH), INTERMEDIATE)
            peer.write(commands.encoded(secret))
    else:
        raise Fault(AUTH, "server offers neither AUTH PLAIN nor LOGIN")
    _demand(AUTH, (yield AUTH), POSITIVE)


def _demand(stage: str, reply: bytes | None, first: int) -> bytes:
    if reply is None or reply[0] != first:
        raise replies.fault(stage, reply or b"000")
    return reply


def _pipelined(peer: Peer, offered: commands.Offers) -> Exchange:
    """MAIL, RCPT and DATA in one write, behind the body of the message before (RFC 2920 §3.1)."""
    lead = b""
    while True:
        envelope = _next_envelope(peer, offered)
        if lead or envelope:
            peer.write(lead + envelope, len(lead) - 2 if peer.body else 0)
        if peer.body is not None:
            reply = yield BODY
            _settle_body(peer, reply)
        elif lead:
            _demand(RSET, (yield RSET), POSITIVE)
        lead = b""
        if not envelope:
            yield from _rest(peer)
            continue
        mail = yield MAIL
        if mail[0] != POSITIVE:
            _refused(peer, MAIL, mail)
        rcpt = yield RCPT
        if rcpt[0] != POSITIVE:
            _refused(peer, RCPT, rcpt)
        data = yield DATA
        if data[0] == INTERMEDIATE and peer.message is not None:
            lead = _open_body(peer, (yield GATE))
        elif data[0] == INTERMEDIATE:
            yield from _lone_dot(peer)
        else:
            _refused(peer, DATA, data)
            lead = b"RSET\r\n" if mail[0] == POSITIVE else b""


def _one_by_one(peer: Peer, offered: commands.Offers) -> Exchange:
    """One command, one reply, for a server without PIPELINING."""
    while True:
        envelope = _next_envelope(peer, offered)
        if not envelope:
            yield from _rest(peer)
            continue
        mail, rcpt, data, _ = envelope.split(b"\n")
        if not (yield from _ask(peer, mail, MAIL)):
            continue
        if not (yield from _ask(peer, rcpt, RCPT)) or not (yield from _ask(peer, data, DATA)):
            peer.write(b"RSET\r\n")
            _demand(RSET, (yield RSET), POSITIVE)
            continue
        lead = _open_body(peer, (yield GATE))
        peer.write(lead, len(lead) - 2)
        reply = yield BODY
        _settle_body(peer, reply)


def _ask(peer: Peer, command: bytes, stage: str) -> Generator[str, bytes, bool]:
    peer.write(command + b"\n")
    reply = yield stage
    agreed = reply[0] == (INTERMEDIATE if stage is DATA else POSITIVE)
    if not agreed:
        _refused(peer, stage, reply)
    return agreed


def _next_envelope(peer: Peer, offered: commands.Offers) -> bytes:
    """The commands of the next message that this server can take; b"" when there is none now."""
    while True:
        message = peer.message or peer.take()
        if message is None:
            return b""
        peer.message = message
        try:
            return commands.envelope(message, offered)
        except commands.Refusal as refusal:
            peer.message = None
            peer.settle(message, refusal.outcome)


def _open_body(peer: Peer, unasked: bytes | None) -> bytes:
    if unasked is not None:
        raise replies.fault(DATA, unasked)
    message = peer.message
    assert message is not None
    peer.body, peer.message = message, None
    return commands.body(message.data)


def _settle_body(peer: Peer, reply: bytes) -> None:
    """The verdict on the open body. A refusal before the final dot went out ends the connection too."""
    if reply[0] != POSITIVE or peer.dot_due > 0:
        return _settle_refused_body(peer, reply)
    message, peer.body = peer.body, None
    if message is not None:
        peer.settle(message, replies.judge(BODY, reply))


def _settle_refused_body(peer: Peer, reply: bytes) -> None:
    early, closing = peer.dot_due > 0, reply.startswith(b"421")
    if reply[0] not in (TRANSIENT, NEGATIVE) or early and closing:
        raise replies.fault(BODY, reply)
    message, peer.body = peer.body, None
    if message is not None:
        peer.settle(message, replies.judge(BODY, reply))
    if early or closing:
        raise replies.fault(BODY, reply)


def _refused(peer: Peer, stage: str, reply: bytes) -> None:
    """Settle by the first refusal; those that follow it in the same group say nothing more, but 421."""
    if reply[0] not in (TRANSIENT, NEGATIVE) and peer.message is not None or reply.startswith(b"421"):
        raise replies.fault(stage, reply)
    if peer.message is not None:
        message, peer.message = peer.message, None
        peer.settle(message, replies.judge(stage, reply))


def _lone_dot(peer: Peer) -> Exchange:
    """A server may answer 354 though it refused the recipient: it gets an empty message (RFC 2920 §3.1)."""
    peer.write(b".\r\n")
    reply = yield BODY
    if reply.startswith(b"421"):
        raise replies.fault(DATA, reply)


def _rest(peer: Peer) -> Exchange:
    """Wait for a message; a connection that is spent ends by QUIT instead, which is a Fault of that stage."""
    while peer.message is None:
        if peer.spent():
            peer.write(b"QUIT\r\n")
            raise replies.fault(QUIT, (yield QUIT))
        unasked: bytes | None = yield IDLE
        if unasked is not None:
            raise replies.fault(IDLE, unasked)
