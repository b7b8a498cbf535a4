"""Scripted SMTP servers on loopback, which answer as told, misbehave as told, and record what they accept.

`python -m tests.smtp_servers --port N --script NAME --log FILE [--delay MS]` runs a named one.
"""

import argparse
import base64
import email
import json
import re
import signal
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass

from tests.smtp_scripts import OK_REPLIES, PASSWORD, SCRIPTS, USER, Act, Script, Visit


@dataclass(frozen=True)
class Accepted:
    """A message for which the server took responsibility."""

    sender: str
    recipient: str
    mail_parameters: str
    rcpt_parameters: str
    data: bytes
    connection: int
    encrypted: bool
    user: str
    at: float

    @property
    def message_id(self) -> str:
        return str(email.message_from_bytes(self.data).get("Message-ID", ""))


class Hangup(Exception):
    """The connection is over."""


class Server:
    """A server under a script, in threads; a context manager. `port` is free to choose when 0."""

    def __init__(
        self,
        script: Script | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        log: str = "",
        delay: float = 0,
    ) -> None:
        self.script = script or Script()
        self.delay = delay
        self.accepted: list[Accepted] = []
        #: What the client did against the protocol.
        self.violations: list[str] = []
        self.counts: Counter[str] = Counter()
        self.most_connections = 0
        self.lock = threading.Lock()
        self._log = open(log, "ab", buffering=0) if log else None
        self._listener = socket.create_server((host, port), backlog=512)
        self._sockets: set[socket.socket] = set()
        self._stopping = threading.Event()
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening and cut all connections."""
        self._stopping.set()
        _shut(self._listener)
        self._listener.close()
        with self.lock:
            for each in list(self._sockets):
                _shut(each)

    def recipients(self) -> list[str]:
        """Of the accepted messages, in their order."""
        with self.lock:
            return [each.recipient for each in self.accepted]

    def accept(self, message: Accepted) -> None:
        """Record it, on disk first."""
        with self.lock:
            if self._log:
                line = {"recipient": message.recipient, "message_id": message.message_id}
                line |= {"connection": message.connection, "at": message.at}
                self._log.write(json.dumps(line).encode() + b"\n")
            self.accepted.append(message)

    def _serve(self) -> None:
        number = 0
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            number += 1
            threading.Thread(target=self._talk, args=(sock, number), daemon=True).start()

    def _talk(self, sock: socket.socket, number: int) -> None:
        with self.lock:
            self._sockets.add(sock)
            self.counts["connections"] += 1
            self.most_connections = max(self.most_connections, len(self._sockets))
        conversation = Conversation(self, sock, Visit(number), self._stopping)
        try:
            conversation.run()
        except (Hangup, OSError):
            pass
        with self.lock:
            self._sockets.discard(sock)
        _shut(conversation.sock)
        conversation.sock.close()


class Conversation:
    """One connection of a server."""

    def __init__(self, server: Server, sock: socket.socket, visit: Visit, stopping: threading.Event) -> None:
        self.server, self.script, self.sock, self.visit = server, server.script, sock, visit
        self.stopping = stopping
        self.received = b""
        self.replies = b""
        self.refused_rcpt = False
        self.transaction = False

    def run(self) -> None:
        if self.script.implicit_tls:
            self._encrypt()
        if self._answer("connect")[:1] != b"2":
            self._flush()
            raise Hangup
        while True:
            line = self._line()
            verb, _, rest = line.partition(" ")
            method = getattr(self, f"_on_{verb.lower()}", None)
            if method is None:
                self._send(Act(reply="500 5.5.2 unknown command"))
            else:
                method(rest)

    def _on_ehlo(self, rest: str) -> None:
        self.visit.helo = rest
        lines = ["test.example", *self.script.extensions]
        if self.script.tls and self.script.offer_starttls and not self.visit.encrypted:
            lines.append("STARTTLS")
        if self.script.auth:
            lines.append("AUTH " + " ".join(self.script.auth))
        good = "\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"])
        self._answer("ehlo", good)

    def _on_helo(self, rest: str) -> None:
        self.visit.helo = rest
        self._answer("helo")

    def _on_starttls(self, rest: str) -> None:
        if self._answer("starttls")[:1] == b"2":
            self.replies += self.script.injected
            self._flush()
            self.received = b""
            self._encrypt()

    def _on_auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper() == "PLAIN":
            _, user, password = base64.b64decode(initial).decode().split("\0")
        else:
            user, password = (self._ask(prompt) for prompt in ("VXNlcm5hbWU6", "UGFzc3dvcmQ6"))
        if (user, password) != (USER, PASSWORD):
            self._send(Act(reply="535 5.7.8 wrong credentials"))
        elif self._answer("auth")[:1] == b"2":
            self.visit.user = user

    def _on_mail(self, rest: str) -> None:
        self.server.counts["mail"] += 1
        if self.transaction:
            return self._send(Act(reply="503 5.5.1 nested MAIL command"))
        match = re.fullmatch(r"FROM:<([^<>]*)>(.*)", rest)
        if not match:
            return self._send(Act(reply="501 5.5.4 syntax"))
        self.visit.sender, self.visit.mail_parameters = match.group(1), match.group(2).strip()
        self.visit.recipient = ""
        self.refused_rcpt = False
        self.transaction = self._answer("mail")[:1] == b"2"
        return None

    def _on_rcpt(self, rest: str) -> None:
        self.server.counts["rcpt"] += 1
        match = re.fullmatch(r"TO:<([^<>]+)>(.*)", rest)
        if not self.transaction or not match:
            return self._send(Act(reply="503 5.5.1 need MAIL first"))
        if self.visit.recipient:
            self._violate("two RCPT in one transaction")
        self.visit.recipient, self.visit.rcpt_parameters = match.group(1), match.group(2).strip()
        self.refused_rcpt = self._answer("rcpt")[:1] != b"2"
        return None

    def _on_data(self, rest: str) -> None:
        if self.received:
            self._violate("octets behind DATA")
        scripted = self.script.answer("data", self.visit)
        hopeless = not self.transaction or not self.visit.recipient or self.refused_rcpt
        if hopeless and scripted is None:
            return self._send(Act(reply="554 5.5.1 no valid recipients"))
        act = scripted or Act(reply=OK_REPLIES["data"])
        self._send(act)
        if act.raw()[:1] == b"3":
            self._body(hopeless)
        return None

    def _body(self, hopeless: bool) -> None:
        data = self._read_body()
        self.transaction = False
        if hopeless:
            if data:
                self._violate("a body without a recipient")
            return self._send(Act(reply="554 5.5.1 no valid recipients"))
        act = self.script.answer("body", self.visit) or Act(reply=OK_REPLIES["body"])
        if act.accepts():
            self.visit.bodies += 1
            visit = self.visit
            self.server.accept(
                Accepted(
                    visit.sender, visit.recipient, visit.mail_parameters, visit.rcpt_parameters, data,
                    visit.connection, visit.encrypted, visit.user, time.time(),
                )  # fmt: skip
            )
        return self._send(act)

    def _on_rset(self, rest: str) -> None:
        self.server.counts["rset"] += 1
        self.transaction = False
        self._answer("rset")

    def _on_noop(self, rest: str) -> None:
        self._answer("noop")

    def _on_quit(self, rest: str) -> None:
        self.server.counts["quit"] += 1
        self._answer("quit")
        self._flush()
        raise Hangup

    def _answer(self, stage: str, good: str = "") -> bytes:
        act = self.script.answer(stage, self.visit) or Act(reply=good or OK_REPLIES[stage])
        self._send(act)
        return act.raw()

    def _ask(self, prompt: str) -> str:
        self._send(Act(reply=f"334 {prompt}"))
        return base64.b64decode(self._line()).decode()

    def _send(self, act: Act) -> None:
        if self.received and "PIPELINING" not in self.script.extensions:
            self._violate("pipelining that was not offered")
        if act.stall:
            self._flush()
            self.stopping.wait(act.stall)
        self.replies += act.raw()
        if act.trickle or self.script.trickle:
            self._trickle(act.trickle or self.script.trickle)
        if act.reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.close()
            raise Hangup
        if act.cut:
            self._flush()
            raise Hangup

    def _trickle(self, pause: float) -> None:
        for octet in self.replies:
            self.sock.sendall(bytes([octet]))
            time.sleep(pause)
        self.replies = b""

    def _flush(self) -> None:
        """Replies leave together when there is nothing more to read, as RFC 2920 §3.2 has it."""
        if self.replies:
            if self.server.delay:
                time.sleep(self.server.delay)
            replies, self.replies = self.replies, b""
            self.sock.sendall(replies)

    def _more(self) -> None:
        self._flush()
        octets = self.sock.recv(65536)
        if not octets:
            raise Hangup
        self.received += octets

    def _line(self) -> str:
        while b"\r\n" not in self.received:
            self._more()
        line, _, self.received = self.received.partition(b"\r\n")
        return line.decode()

    def _read_body(self) -> bytes:
        seen, limit = 0, self.script.early_body
        while True:
            end = (
                0
                if self.received.startswith(b".\r\n")
                else self.received.find(b"\r\n.\r\n", max(0, seen - 5)) + 2
            )
            if end >= 2 or self.received.startswith(b".\r\n"):
                data, self.received = self.received[:end], self.received[end + 3 :]
                return re.sub(rb"(?m)^\.", b"", data)
            if limit is not None and len(self.received) >= limit:
                self.received = b""
                return b""
            seen = len(self.received)
            self._more()

    def _encrypt(self) -> None:
        assert self.script.tls
        with self.server.lock:
            self.server._sockets.discard(self.sock)
        try:
            self.sock = self.script.tls.wrap_socket(self.sock, server_side=True)
        except ssl.SSLError as error:
            raise Hangup from error
        with self.server.lock:
            self.server._sockets.add(self.sock)
        self.visit.encrypted = True

    def _violate(self, what: str) -> None:
        with self.server.lock:
            self.server.violations.append(what)


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m tests.smtp_servers")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--script", choices=sorted(SCRIPTS), default="accept")
    parser.add_argument("--log", default="")
    parser.add_argument("--delay", type=float, default=0, metavar="MS")
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with Server(SCRIPTS[options.script](), port=options.port, log=options.log, delay=options.delay / 1000):
        stop.wait()


if __name__ == "__main__":
    main()
