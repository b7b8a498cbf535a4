"""What an SMTP server answers: the form of replies, and the verdict that each gives on a mail."""

import functools
import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

CONNECT: Final = "connect"
GREETING: Final = "greeting"
EHLO: Final = "ehlo"
STARTTLS: Final = "starttls"
HANDSHAKE: Final = "handshake"
AUTH: Final = "auth"
MAIL: Final = "mail"
RCPT: Final = "rcpt"
DATA: Final = "data"
GATE: Final = "gate"
BODY: Final = "body"
RSET: Final = "rset"
IDLE: Final = "idle"
QUIT: Final = "quit"
CLOSED: Final = "closed"

#: First octets of replies: indexing bytes gives a number, and comparing numbers costs least.
POSITIVE: Final = ord("2")
INTERMEDIATE: Final = ord("3")
TRANSIENT: Final = ord("4")
NEGATIVE: Final = ord("5")

#: Octets of one reply, all its lines together, beyond which the server is talking garbage.
REPLY_LIMIT: Final = 65_536
LINES_LIMIT: Final = 512
TEXT_LIMIT: Final = 500

_CODES = [b"%d" % code for code in range(200, 600)]
#: The first four octets of a last (or only) line of a reply, RFC 5321 §4.2.
LAST_LINE: Final = frozenset(code + end for code in _CODES for end in (b" ", b"\r", b""))
#: The first four octets of a line that others follow.
OTHER_LINE: Final = frozenset(code + b"-" for code in _CODES)

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?!\S)")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Verdict(Enum):
    """What became of a message that was handed to the client."""

    #: 2xx after the final dot.
    DELIVERED = "delivered"
    #: 4xx at MAIL, RCPT, DATA or after the final dot.
    TEMPORARY = "temporary"
    #: 5xx there, or refused here because the server lacks what the message needs.
    PERMANENT = "permanent"
    #: The final dot was handed to the kernel, its reply was never read.
    IN_DOUBT = "in_doubt"
    #: The connection ended before the final dot; the message itself was not judged.
    UNTOUCHED = "untouched"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on one message; `stage` is mail, rcpt, data, body or connection."""

    verdict: Verdict
    code: int
    text: str
    stage: str
    enhanced: str = ""


class Fault(Exception):
    """The connection cannot go on."""

    def __init__(self, stage: str, text: str = "", code: int = 0) -> None:
        super().__init__(stage, text, code)
        self.stage = stage
        self.text = text
        self.code = code


_VERDICTS = {POSITIVE: Verdict.DELIVERED, TRANSIENT: Verdict.TEMPORARY, NEGATIVE: Verdict.PERMANENT}


@functools.lru_cache(maxsize=128)
def judge(stage: str, reply: bytes) -> Outcome:
    """The outcome of a 2xx, 4xx or 5xx reply; most servers repeat theirs, so it is cached."""
    code, said = int(reply[:3]), text(reply)
    return Outcome(_VERDICTS[reply[0]], code, said, stage, enhanced(code, said))


def text(reply: bytes) -> str:
    """What the reply says, on one line, without its code and control characters, at most 500 characters."""
    said = " ".join(line[4:].decode("utf-8", "replace").strip() for line in reply.split(b"\n"))
    return _CONTROL.sub(" ", said)[:TEXT_LIMIT].strip()


def enhanced(code: int, said: str) -> str:
    """The enhanced status code (RFC 2034) that opens the text; "" when absent or of another class."""
    match = _ENHANCED.match(said)
    return match.group(1) if match and said[0] == str(code)[0] else ""


def fault(stage: str, reply: bytes) -> Fault:
    """The fault of a connection whose server answered this at that stage."""
    return Fault(stage, text(reply), int(reply[:3]))


def gather(lines: list[bytes], line: bytes, stage: str) -> bytes | None:
    """Add a line to a reply of several; the whole reply when that was its last, else None.

    Raises Fault on what is no reply: no code, codes that differ, too many octets or lines.
    """
    last = line[:4] in LAST_LINE
    if not last and line[:4] not in OTHER_LINE:
        raise Fault(stage, "not an SMTP reply")
    if lines and lines[0][:3] != line[:3]:
        raise Fault(stage, "one reply with two codes")
    lines.append(line)
    if len(lines) > LINES_LIMIT or sum(map(len, lines)) > REPLY_LIMIT:
        raise Fault(stage, "endless reply")
    if not last:
        return None
    reply = b"\n".join(lines)
    lines.clear()
    return reply
