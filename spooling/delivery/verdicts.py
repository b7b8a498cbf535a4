"""From what a server answered to what becomes of the mail. Pure."""

from __future__ import annotations

import re
from datetime import datetime

from spooling.delivery import backoff, smtp
from spooling.outbox.values import Claimed, Result

_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")


def result_of(mail: Claimed, claim_id: int, outcome: smtp.Outcome, *, now: datetime, dice: float) -> Result:
    """Where the mail goes. An UNTOUCHED one waits again at no cost; the others count as a try."""
    match outcome.verdict:
        case smtp.Verdict.DELIVERED:
            return Result(
                mail.id, claim_id, "delivered", "delivered", outcome.code, without_addresses(outcome.text), 1
            )
        case smtp.Verdict.PERMANENT:
            return Result(
                mail.id, claim_id, "failed", "failed", outcome.code, without_addresses(outcome.text), 1
            )
        case smtp.Verdict.TEMPORARY:
            return postponed(mail, claim_id, code=outcome.code, reply=outcome.text, now=now, dice=dice)
        case smtp.Verdict.IN_DOUBT:
            return in_doubt(mail.id, claim_id, why=outcome.text)
        case smtp.Verdict.UNTOUCHED:
            return Result(mail.id, claim_id, "waiting")


def in_doubt(mail_id: int, claim_id: int, *, why: str) -> Result:
    """Its body went out and no reply was read."""
    return Result(mail_id, claim_id, "in_doubt", "in_doubt", 0, without_addresses(why), 1)


def postponed(mail: Claimed, claim_id: int, *, code: int, reply: str, now: datetime, dice: float) -> Result:
    """Tried again after a growing delay; failed when that would be past its horizon."""
    give_up_at = mail.give_up_at or backoff.give_up_at(mail.lane, now=now)
    due_at = now + backoff.delay(mail.tries + 1, dice)
    reply = without_addresses(reply)
    if due_at > give_up_at:
        return Result(mail.id, claim_id, "failed", "failed", code, reply, 1)
    return Result(mail.id, claim_id, "waiting", "tempfail", code, reply, 1, due_at, give_up_at)


def without_addresses(text: str) -> str:
    """A server's words without the addresses in them: what is kept for long names nobody."""
    return _ADDRESS.sub("[address]", text) if "@" in text else text
