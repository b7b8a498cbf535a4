"""Why a mail failed with us: its status (RFC 3463), what its server said, and words for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from spooling.inbound import dsn
from stats.models import EventKind


class Cause(NamedTuple):
    """`code` and `reply` are the server's; code 0: no server answered so, and `reply`, perhaps empty, is our own."""

    status: str
    code: int
    reply: str
    words: str


#: Of connections that never came to an answer, and of a reply that was lost (RFC 3463 §3.5).
NO_ANSWER, LOST_REPLY = "4.4.1", "4.4.2"
_REFUSED = "The server that it went to refused it for good."
_GIVEN_UP = "It was tried until its time was over."
_DOUBT = "in doubt"
_IN_DOUBT = "It may have arrived: its server's last word on it was lost. It is held."
#: Ends that no server decided.
_OURS: dict[str, tuple[str, str]] = {
    EventKind.BLOCKED: ("5.7.1", "No mail is sent to this address: it is on the list of suppressed ones."),
    EventKind.EXPIRED: ("4.4.7", "The last moment at which it could leave has passed."),
    EventKind.QUARANTINED: ("5.6.0", "No mail that can be sent could be made of it. It is held."),
}


def of(kind: str, detail: Mapping[str, Any]) -> Cause:
    """Of the event of that kind and detail which ended the mail."""
    code, reply = int(detail.get("code") or 0), str(detail.get("reply") or detail.get("why") or "")
    if kind == EventKind.QUARANTINED and reply.startswith(_DOUBT):
        return Cause(LOST_REPLY, 0, reply, _IN_DOUBT)
    if kind in _OURS:
        status, words = _OURS[kind]
        return Cause(status, 0, reply, words)
    return Cause(_status(code, reply), code, reply, _REFUSED if code >= 500 else _GIVEN_UP)


def _status(code: int, reply: str) -> str:
    """What the server says, where it does not contradict its code."""
    said = dsn.status_in(reply)
    if said.startswith(f"{code}"[0]):
        return said
    return f"{code // 100}.0.0" if code else NO_ANSWER
