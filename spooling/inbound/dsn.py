"""Delivery status notifications (RFC 3464, RFC 6533): what became of each recipient, as the reporting server tells it.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from earwig import addresses
from spooling import unicode_addresses
from spooling.received import Received, printable


class Action(StrEnum):
    """What the reporting server did (RFC 3464 §2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of one recipient. `recipients` are its addresses, canonical, as far as they are told; `status` is the enhanced
    one, `code` the basic one; empty and 0 where there is none.
    """

    action: Action
    recipients: frozenset[str] = frozenset()
    status: str = ""
    code: int = 0
    text: str = ""


#: Recipients of one report that are looked at.
MOST_OUTCOMES = 500
#: Characters of a field that are read.
_LONGEST = 2_000
_TYPES = re.compile(r"text/x-message-(?:global-)?delivery-status")
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?:^|[:;(\[]|said|code|error)\s*([45]\d\d)(?=[\s-]|\Z|\])", re.IGNORECASE | re.MULTILINE)
#: Some servers use words of their own.
_ACTIONS = {
    "fail": Action.FAILED,
    "error": Action.FAILED,
    "delay": Action.DELAYED,
    "deliver": Action.DELIVERED,
    "relay": Action.RELAYED,
    "expand": Action.EXPANDED,
}


def outcomes(received: Received) -> list[Outcome]:
    """Of all recipients that a mail reports on; none where it is no such notification."""
    blocks = [
        block
        for file in received.files
        if _TYPES.fullmatch(file.type)
        for block in _blocks(file.data.decode("utf-8", "replace"))
    ]
    found = (_outcome(block) for block in blocks[:MOST_OUTCOMES])
    return [outcome for outcome in found if outcome is not None]


def of_address(told: Sequence[Outcome], email: str) -> Outcome:
    """What a report, of one outcome at least, says of the mail to this address.

    A list or an alias may have led it to others, whom the report names instead: then it came back when none of them
    has it.
    """
    address = addresses.canonical(email)
    own = [outcome for outcome in told if address and address in outcome.recipients] or told
    return min(own, key=lambda outcome: _PRECEDENCE.index(outcome.action))


#: Where one of several recipients has the mail, it did not come back.
_PRECEDENCE = (Action.DELIVERED, Action.RELAYED, Action.EXPANDED, Action.FAILED, Action.DELAYED)


def status_in(text: str) -> str:
    """The first enhanced status of a failure in a server's words; empty without one."""
    found = (match for match in _STATUS.finditer(text) if match[1] != "2")
    return next((".".join(match.groups()) for match in found), "")


def code_in(text: str) -> int:
    """The first basic code of a failure in a server's words; 0 without one."""
    found = _CODE.search(text)
    return int(found[1]) if found else 0


def _blocks(text: str) -> list[dict[str, str]]:
    """Groups of fields, parted by blank lines; the names lower-case."""
    return [fields for part in re.split(r"\n[ \t\r]*\n", text) if (fields := _fields(part.splitlines()))]


def _fields(lines: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        if line[:1] in (" ", "\t"):
            found[name] = f"{found.get(name, '')} {line.strip()}"[:_LONGEST]
        else:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            found.setdefault(name, printable(value[:_LONGEST]).strip())
    return {name: value for name, value in found.items() if name and value}


def _outcome(fields: dict[str, str]) -> Outcome | None:
    word = fields.get("action", "").lower()
    action = next((action for start, action in _ACTIONS.items() if word.startswith(start)), None)
    if action is None:
        return None
    text = fields.get("diagnostic-code", "")
    return Outcome(
        action=action,
        recipients=_recipients(fields),
        status=_status(fields.get("status", ""), text),
        code=code_in(text),
        text=text,
    )


def _status(status: str, text: str) -> str:
    """The more telling one: many servers report 5.0.0 and quote what they were told."""
    own = status_in(status)
    return (status_in(text) or own) if not own or own.endswith(".0.0") else own


def _recipients(fields: dict[str, str]) -> frozenset[str]:
    named = (fields.get(f"{which}-recipient", "") for which in ("original", "final"))
    return frozenset(addresses.canonical(_address(value)) for value in named if value)


def _address(value: str) -> str:
    """Of `rfc822;a@b` or `utf-8;a@b`, in which other characters may be written as their numbers (RFC 6533 §3)."""
    _, _, address = value.rpartition(";")
    return unicode_addresses.plain(address.strip().strip("<>"))
