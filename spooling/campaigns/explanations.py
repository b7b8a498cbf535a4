"""Why a mail is where it is: one plain answer, with the chain of its reasons. Never speaks of another account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from earwig import mailboxes
from spooling import suppressions
from spooling.campaigns import obstacles
from spooling.campaigns.reasons import Reason
from spooling.models import Mail, Spooler, Suppression
from spooling.models.mails import MailState
from spooling.models.spoolers import PauseReason, SpoolerState


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What is so, and why: the first reason is the one that counts. `mail` None: there is none."""

    mail: Mail | None
    state: str
    reasons: tuple[Reason, ...]

    @property
    def summary(self) -> str:
        return self.reasons[0].message


_PAUSED = {
    PauseReason.REQUEST: Reason(code="paused", message="Its spooler was paused."),
    PauseReason.FAILURES: Reason(
        code="brake_failures", message="Its spooler was paused: too much of it failed."
    ),
    PauseReason.DEFERRALS: Reason(
        code="brake_deferrals", message="Its spooler was paused: too much of it was deferred."
    ),
    PauseReason.STALE: Reason(code="stale", message="Its spooler was paused: its time has passed."),
}


def of_address(spooler: Spooler, address: str, *, now: datetime) -> Explanation:
    """Why the newest mail of the spooler to this address is where it is, or that there is none.

    Raises InvalidAddress.
    """
    email = mailboxes.normal(address)
    mails = Mail.objects.filter(spooler=spooler).to_addresses({address, email})
    mail = mails.select_related("spooler", "account").order_by("-id").first()
    if mail is not None:
        return of_mail(mail, now=now)
    absent = Reason(code="not_in_spooler", message="This spooler has no mail to this address.")
    unsent = Mail(account_id=spooler.account_id, email=email, lane=spooler.lane, domain_id=spooler.domain_id)
    return Explanation(mail=None, state="", reasons=(absent, *_suppressions(unsent, now)))


def of_mail(mail: Mail, *, now: datetime) -> Explanation:
    """Why this mail is where it is."""
    state = mail.shown_state(mail.spooler.state)
    return Explanation(mail=mail, state=state, reasons=tuple(_chain(mail, MailState(state), now)))


def holding(mail: Mail, *, now: datetime) -> list[Reason]:
    """Whatever holds a mail that waits, the strongest first; empty where it leaves next."""
    return [*_held_by_spooler(mail.spooler, now), *_held_by_itself(mail, now), *_held_on_its_way(mail, now)]


def _chain(mail: Mail, state: MailState, now: datetime) -> Iterator[Reason]:
    if state == MailState.WAITING:
        due = Reason(code="due", message="It is due and leaves next.", at=mail.due_at)
        yield from holding(mail, now=now) or [due]
    elif state == MailState.SENDING:
        yield Reason(code="sending", message="A worker is sending it.")
    else:
        yield _settled(mail, state)
    if state == MailState.BLOCKED:
        yield from _suppressions(mail, now)
    yield from _afterwards(mail)


def _settled(mail: Mail, state: MailState) -> Reason:
    reply = " ".join(filter(None, (str(mail.last_code or ""), mail.last_reply)))
    messages = {
        MailState.DELIVERED: "The receiving server took it.",
        MailState.FAILED: _told("It failed for good", reply),
        MailState.BLOCKED: "Its address was suppressed.",
        MailState.QUARANTINED: _told("It is held for a person", reply),
        MailState.EXPIRED: "Its time to leave passed before it left.",
        MailState.CANCELLED: _cancelled(mail),
        MailState.IN_DOUBT: "Its last reply was lost: it may have arrived, or not.",
    }
    at = mail.spooler.ended_at if state == MailState.CANCELLED and mail.ended_at is None else mail.ended_at
    return Reason(code=state.value, message=messages[state], at=at)


def _told(sentence: str, reply: str) -> str:
    return f"{sentence}: {reply}" if reply else f"{sentence}."


def _cancelled(mail: Mail) -> str:
    if mail.erased_at is not None:
        return "Its personal data was erased before it left."
    if mail.spooler.state == SpoolerState.CANCELLED:
        return "Its spooler was cancelled before it left."
    return "It was cancelled before it left."


def _afterwards(mail: Mail) -> Iterator[Reason]:
    happened = (
        ("bounced", f"It came back later: {mail.bounce_class}.", mail.bounced_at),
        ("complaint", "Its recipient's provider passed a complaint on.", mail.complained_at),
        ("unsubscribed", "Its recipient unsubscribed by it.", mail.unsubscribed_at),
        ("opened", "It was opened.", mail.opened_at),
        ("clicked", "A link of it was followed.", mail.clicked_at),
    )
    yield from (Reason(code=code, message=message, at=at) for code, message, at in happened if at is not None)


def _held_by_spooler(spooler: Spooler, now: datetime) -> Iterator[Reason]:
    if spooler.state == SpoolerState.PENDING:
        yield Reason(code="not_launched", message="Its campaign was not launched yet.")
    if spooler.state == SpoolerState.PAUSED:
        because = _PAUSED[PauseReason(spooler.paused_because or PauseReason.REQUEST)]
        yield Reason(code=because.code, message=because.message, at=spooler.paused_at)
    if spooler.start_at > now:
        yield Reason(code="not_started", message="Its campaign starts later.", at=spooler.start_at)
    if spooler.state != SpoolerState.PAUSED and spooler.is_stale(now):
        yield Reason(code="stale", message="The time of its spooler has passed.", at=spooler.not_after)


def _held_by_itself(mail: Mail, now: datetime) -> Iterator[Reason]:
    if mail.not_after is not None and mail.not_after < now:
        yield Reason(code="late", message="Its time to leave has passed; it expires.", at=mail.not_after)
    yield from _suppressions(mail, now)


def _held_on_its_way(mail: Mail, now: datetime) -> Iterator[Reason]:
    """What holds it longer than it was put off for is why it was put off."""
    stops = list(obstacles.stopping(mail, now=now))
    longer = [stop for stop in stops if stop.at is None or stop.at >= mail.due_at]
    yield from longer
    yield from _put_off(mail, now)
    yield from (stop for stop in stops if stop not in longer)
    yield from obstacles.slowing(mail)


def _put_off(mail: Mail, now: datetime) -> Iterator[Reason]:
    if mail.deferral % 2:
        told = " ".join(filter(None, ("It was deferred:", str(mail.last_code or ""), mail.last_reply)))
        yield Reason(code="deferred", message=f"{told} It is tried again.", at=mail.due_at)
    elif mail.due_at > now:
        yield Reason(code="not_due", message="It is due later.", at=mail.due_at)


def _suppressions(mail: Mail, now: datetime) -> list[Reason]:
    """By the account, or by the whole installation; none of an erased address."""
    return [_suppressed(row) for row in suppressions.holding(mail, now=now)] if mail.email else []


def _suppressed(row: Suppression) -> Reason:
    scopes = [
        "in the whole installation" if row.account_id is None else "for the account",
        *([f"from {row.domain}"] if row.domain else []),
        *([f"on the {row.stream} lane"] if row.stream else []),
    ]
    message = f"Its address is suppressed {', '.join(scopes)}: {row.get_reason_display().lower()}."
    return Reason(code=f"suppressed_{row.reason}", message=message, at=row.created_at)
