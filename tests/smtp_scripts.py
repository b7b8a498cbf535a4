"""What a scripted SMTP server answers: acts, scripts, choosers, and the scripts that have a name."""

import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

ALL = ("PIPELINING", "SIZE 10485760", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")
USER, PASSWORD = "earwig", "s3cret pässword"
OK_REPLIES = {
    "connect": "220 test.example ESMTP",
    "helo": "250 test.example",
    "starttls": "220 2.0.0 go ahead",
    "auth": "235 2.7.0 welcome",
    "mail": "250 2.1.0 ok",
    "rcpt": "250 2.1.5 ok",
    "data": "354 go ahead",
    "body": "250 2.0.0 accepted",
    "rset": "250 2.0.0 flushed",
    "noop": "250 2.0.0 ok",
    "quit": "221 2.0.0 bye",
}


@dataclass(frozen=True, kw_only=True)
class Act:
    """One answer: wait `stall` seconds, send `reply`, then cut the line if told so."""

    reply: str | bytes = ""
    #: Octets of the reply to send before the cut.
    octets: int | None = None
    cut: bool = False
    #: Cut by a TCP reset, which discards what was not yet read.
    reset: bool = False
    stall: float = 0
    #: Seconds between octets of the reply.
    trickle: float = 0
    #: Whether a body answered so is accepted; by default when the reply is 2xx.
    accept: bool | None = None

    def raw(self) -> bytes:
        raw = (
            self.reply
            if isinstance(self.reply, bytes)
            else "".join(f"{x}\r\n" for x in self.reply.split("\n")).encode()
        )
        return raw if self.octets is None else raw[: self.octets]

    def accepts(self) -> bool:
        return self.raw()[:1] == b"2" and self.octets is None if self.accept is None else self.accept


def say(reply: str) -> Act:
    """Answer by this reply; lines parted by LF. A 421 ends the connection."""
    return Act(reply=reply, cut=reply.startswith("421"))


def cut(
    reply: str = "", *, octets: int | None = None, accept: bool | None = None, reset: bool = False
) -> Act:
    """Close the connection, after so many octets of a reply."""
    return Act(reply=reply, octets=octets, cut=True, accept=accept, reset=reset)


def stall(seconds: float = 3600, reply: str = "", *, accept: bool | None = None) -> Act:
    """Be silent, then answer or hang up."""
    return Act(reply=reply, stall=seconds, cut=not reply, accept=accept)


def garbage(octets: bytes = b"\x00\xff\x17 what?\r\n", *, accept: bool | None = None) -> Act:
    """Octets that are no reply."""
    return Act(reply=octets, accept=accept)


@dataclass
class Visit:
    """One connection, as a chooser sees it."""

    connection: int
    helo: str = ""
    sender: str = ""
    mail_parameters: str = ""
    recipient: str = ""
    rcpt_parameters: str = ""
    encrypted: bool = False
    user: str = ""
    bodies: int = 0


#: Says how to answer at a stage, None for the good answer.
Chooser = Callable[[str, Visit], Act | None]


@dataclass(kw_only=True)
class Script:
    """What a server offers, and how it answers: by recipient, by connection and stage, by stage, else well.

    Stages: connect, ehlo, helo, starttls, auth, mail, rcpt, data, body, rset, noop, quit. A list at a stage is
    used up one answer at a time, then the good answer returns.
    """

    extensions: tuple[str, ...] = ALL
    auth: tuple[str, ...] = ()
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    offer_starttls: bool = True
    #: Cleartext pushed behind the reply to STARTTLS.
    injected: bytes = b""
    #: Read the body up to so many octets only, then answer as at "body".
    early_body: int | None = None
    #: Seconds between octets of every reply.
    trickle: float = 0
    stages: dict[str, Act | list[Act]] = field(default_factory=dict)
    recipients: dict[str, dict[str, Act]] = field(default_factory=dict)
    connections: dict[int, dict[str, Act]] = field(default_factory=dict)
    choose: Chooser | None = None

    def answer(self, stage: str, visit: Visit) -> Act | None:
        """The scripted answer at this stage, None for the good one."""
        chosen = self.choose(stage, visit) if self.choose else None
        by_recipient = (
            self.recipients.get(visit.recipient, {}).get(stage) if stage in ("rcpt", "data", "body") else None
        )
        by_connection = self.connections.get(visit.connection, {}).get(stage)
        by_stage = self.stages.get(stage)
        if isinstance(by_stage, list):
            by_stage = by_stage.pop(0) if by_stage else None
        return chosen or by_recipient or by_connection or by_stage


_ADDRESSED = re.compile(
    r"(once-)?(mail|rcpt|data|body)-(\d{3}|cut|reset|taken|half|garbage|stall|slow|lone)\b"
)
_MISBEHAVIOURS = {
    "cut": cut(),
    "reset": cut(reset=True),
    "taken": cut(accept=True),
    "half": cut("250 2.0.0 ok", octets=5, accept=True),
    "garbage": garbage(),
    "stall": stall(),
    "slow": Act(reply="250 2.0.0 ok", trickle=0.01),
}


class Addressed:
    """A chooser that is told by the local part: `rcpt-450.17@a.example`, `once-body-taken.3@a.example`.

    At MAIL it reads the sender, elsewhere the recipient; `once-` misbehaves at the first try only.
    `rcpt-lone` refuses the recipient by 550 and answers 354 to DATA all the same.
    """

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __call__(self, stage: str, visit: Visit) -> Act | None:
        address = visit.sender if stage == "mail" else visit.recipient
        match = _ADDRESSED.match(address)
        if not match:
            return None
        once, at, what = match.groups()
        if what == "lone":
            return {"rcpt": say("550 5.1.1 no such user"), "data": say("354 go ahead")}.get(stage)
        if at != stage or once and address in self._seen:
            return None
        self._seen.add(address)
        return say(f"{what} {what[0]}.3.0 as asked") if what.isdigit() else _MISBEHAVIOURS[what]


class Every:
    """A chooser that misbehaves at one stage, each so many times."""

    def __init__(self, nth: int, stage: str, act: Act) -> None:
        self._nth, self._stage, self._act = nth, stage, act
        self._count = 0

    def __call__(self, stage: str, visit: Visit) -> Act | None:
        if stage != self._stage:
            return None
        self._count += 1
        return self._act if self._count % self._nth == 0 else None


SCRIPTS: dict[str, Callable[[], Script]] = {
    "accept": Script,
    "addressed": lambda: Script(choose=Addressed()),
    "no-pipelining": lambda: Script(extensions=ALL[1:]),
    "no-ehlo": lambda: Script(stages={"ehlo": say("502 5.5.1 what is EHLO?")}),
    "slow": lambda: Script(trickle=0.001),
    "lone-dot": lambda: Script(stages={"rcpt": say("550 5.1.1 no"), "data": say("354 go ahead")}),
    "greeting-421": lambda: Script(stages={"connect": say("421 4.3.2 closed")}),
    "greeting-554": lambda: Script(stages={"connect": say("554 5.7.1 go away")}),
    "greeting-cut": lambda: Script(stages={"connect": cut()}),
    "greeting-garbage": lambda: Script(stages={"connect": garbage()}),
    "greeting-stall": lambda: Script(stages={"connect": stall()}),
}
for _stage in ("mail", "rcpt", "data", "body"):
    for _code in (450, 550, 421):
        SCRIPTS[f"{_stage}-{_code}"] = lambda s=_stage, c=_code: Script(
            stages={s: say(f"{c} {c // 100}.3.0 no")}
        )
    for _what, _act in _MISBEHAVIOURS.items():
        SCRIPTS[f"{_stage}-{_what}"] = lambda s=_stage, a=_act: Script(stages={s: a})
        SCRIPTS[f"{_stage}-{_what}-100"] = lambda s=_stage, a=_act: Script(choose=Every(100, s, a))
