"""From what a server answered to what becomes of the mail. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from spooling.delivery import smtp
from spooling.outbox import backoff
from spooling.outbox.values import Claimed, Result

_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")


@dataclass(frozen=True, slots=True)
class Moment:
    """When a verdict is read: the time, a number in [0, 1) to spread delays by, and how long its lane is patient."""

    now: datetime
    dice: float
    horizon: timedelta


def result_of(mail: Claimed, claim_id: int, outcome: smtp.Outcome, moment: Moment) -> Result:
    """Where the mail goes. An UNTOUCHED one waits again at no cost; the others count as a try."""
    match outcome.verdict:
        case smtp.Verdict.DELIVERED:
            return Result(
                mail.id, claim_id, "delivered", "delivered", outcome.code, without_addresses(outcome.text), 1
            )
        case smtp.Verdict.PERMANENT:
            return _failed(mail, claim_id, outcome)
        case smtp.Verdict.TEMPORARY:
            return postponed(mail, claim_id, outcome, moment)
        case smtp.Verdict.IN_DOUBT:
            return in_doubt(mail.id, claim_id, why=outcome.text)
        case smtp.Verdict.UNTOUCHED:
            return Result(mail.id, claim_id, "waiting")


def _failed(mail: Claimed, claim_id: int, outcome: smtp.Outcome) -> Result:
    reply = without_addresses(outcome.text)
    return Result(mail.id, claim_id, "failed", "failed", outcome.code, reply, 1, stage=outcome.stage)


def in_doubt(mail_id: int, claim_id: int, *, why: str) -> Result:
    """Its body went out and no reply was read."""
    return Result(mail_id, claim_id, "in_doubt", "in_doubt", 0, without_addresses(why), 1)


def postponed(mail: Claimed, claim_id: int, outcome: smtp.Outcome, moment: Moment) -> Result:
    """Tried again after a growing delay; failed when that would be past its horizon."""
    give_up_at = mail.give_up_at or moment.now + moment.horizon
    due_at = moment.now + backoff.delay(mail.tries + 1, moment.dice)
    if due_at > give_up_at:
        return _failed(mail, claim_id, outcome)
    reply, stage = without_addresses(outcome.text), outcome.stage
    return Result(mail.id, claim_id, "waiting", "tempfail", outcome.code, reply, 1, due_at, give_up_at, stage)


def without_addresses(text: str) -> str:
    """A server's words without the addresses in them: what is kept for long names nobody."""
    return _ADDRESS.sub("[address]", text) if "@" in text else text
