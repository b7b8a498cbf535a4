"""Mails that came back: reports in the standard's form, and those that are written for people. Pure."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Collection

from flufl.bounce import all_failures

from earwig import addresses
from spooling.inbound import automatic, dsn
from spooling.inbound.dsn import Action, Outcome
from spooling.inbound.fields import Fields
from spooling.received import Received

#: Octets, and octets of a line, of a report for people: they begin with what they have to say.
_SCANNED = 64 * 1024
_LONGEST_LINE = 500
#: Characters in which a report says why.
_WORDS = 4_000
#: Behind these it shows what came back.
_COPY = re.compile(
    r"^(?:[->*= ]{2,}.{0,30}(?:copy|original|returned|undelivered|unsent|message header|begin).*|"
    r"(?:return-path|received|message-id|x-mailer|mime-version):.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_SAYS_SO = re.compile(
    r"undeliver|undelivered|returned mail|delivery (?:status|fail|has failed|problem)|mail delivery|failure notice|"
    r"could not be delivered|was not delivered|unzustellbar|non remis|no entregado|non recapitabile",
    re.IGNORECASE,
)
#: What a detector raises on mail that its author never saw.
_BEWILDERED = (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError)


def told(tamed: bytes, received: Received, fields: Fields) -> list[Outcome]:
    """What became of the recipients that a mail reports on; none where it is no such report."""
    standard = dsn.outcomes(received)
    if standard:
        return standard
    if automatic.answers_for_somebody(fields):
        return []
    text = own_words(received.text or received.html)
    temporary, permanent = _found(tamed)
    named = [(Action.FAILED, permanent), (Action.DELAYED, temporary)]
    scanned = [_outcome(action, found, text) for action, found in named if found]
    return scanned or _by_sight(text, fields)


def own_words(text: str) -> str:
    """What a report says, without the mail that it shows."""
    beginning = text[:_WORDS]
    copy = _COPY.search(beginning)
    return beginning[: copy.start()] if copy and copy.start() > 0 else beginning


def _by_sight(text: str, fields: Fields) -> list[Outcome]:
    """Of a mail system's word that no detector knows."""
    subject = fields.first("Subject")
    if automatic.is_from_program(fields) and (_SAYS_SO.search(subject) or _SAYS_SO.search(text)):
        return [_outcome(Action.FAILED, (), text)]
    return []


def _outcome(action: Action, found: Collection[bytes], text: str) -> Outcome:
    return Outcome(
        action=action,
        recipients=frozenset(addresses.canonical(each.decode("ascii", "replace")) for each in found),
        status=dsn.status_in(text),
        code=dsn.code_in(text),
        text=text,
    )


def _found(tamed: bytes) -> tuple[Collection[bytes], Collection[bytes]]:
    """Addresses of temporary and of permanent failures."""
    lines = (line[:_LONGEST_LINE] for line in tamed[:_SCANNED].split(b"\n"))
    message = email.message_from_bytes(b"\n".join(lines), policy=email.policy.compat32)
    try:
        return all_failures(message)
    except _BEWILDERED:
        return (), ()
