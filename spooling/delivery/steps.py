"""The steps before sending, in order. Each looks at one mail and decides, or leaves it to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from spooling.models.spoolers import SpoolerState
from spooling.outbox.values import Claimed, Result

#: When a mail over its account's limit is looked at again.
LIMIT_REST = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What was looked up for the whole batch."""

    now: datetime
    #: States of the spoolers that may not send.
    halted: Mapping[int, str]
    suppressed: Mapping[int, str]
    over_limit: Set[int]
    erased_contents: Set[int]


@dataclass(frozen=True, slots=True)
class Decision:
    """Where the mail goes instead of out; `kind` is the event's, empty for none."""

    state: str
    kind: str = ""
    why: str | None = None
    due_at: datetime | None = None

    def result(self, mail_id: int, claim_id: int) -> Result:
        return Result(
            mail_id,
            claim_id,
            self.state,
            self.kind,
            None if self.why is None else 0,
            self.why,
            0,
            self.due_at,
        )


Step = Callable[[Claimed, Situation], Decision | None]


def expired(mail: Claimed, situation: Situation) -> Decision | None:
    if mail.not_after is not None and mail.not_after < situation.now:
        return Decision("expired", "expired", "its time to leave has passed")
    return None


def cancelled(mail: Claimed, situation: Situation) -> Decision | None:
    if situation.halted.get(mail.spooler_id) == SpoolerState.CANCELLED:
        return Decision("cancelled", "cancelled", "its spooler was cancelled")
    return None


def halted(mail: Claimed, situation: Situation) -> Decision | None:
    if mail.spooler_id in situation.halted:
        return Decision("waiting")
    return None


def suppressed(mail: Claimed, situation: Situation) -> Decision | None:
    reason = situation.suppressed.get(mail.id)
    return Decision("blocked", "blocked", f"suppressed: {reason}") if reason else None


def over_limit(mail: Claimed, situation: Situation) -> Decision | None:
    if mail.id in situation.over_limit:
        return Decision("waiting", due_at=situation.now + LIMIT_REST)
    return None


def erased(mail: Claimed, situation: Situation) -> Decision | None:
    if not mail.email or mail.content_id in situation.erased_contents:
        return Decision("cancelled", "cancelled", "its personal data was erased")
    return None


STEPS: tuple[Step, ...] = (expired, cancelled, halted, suppressed, over_limit, erased)


def decide(mail: Claimed, situation: Situation) -> Decision | None:
    """The first step's decision, None for a mail that may be sent."""
    for step in STEPS:
        decision = step(mail, situation)
        if decision is not None:
            return decision
    return None
