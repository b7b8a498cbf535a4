"""All that became of one mail, in words for its page. Every list is bounded: a mail may be opened ten thousand times."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Model

from earwig.admin import pages
from spooling import suppressions
from spooling.campaigns import explanations
from spooling.campaigns.reasons import Reason
from spooling.models import Claim, IncomingMail, Mail, Submission, Suppression
from spooling.models.mails import MailState
from spooling.outbox import public_ids
from spooling.tracking.visitors import Who
from stats import events
from stats.models import Event, EventKind, Webhook, WebhookDelivery

MOST_EVENTS = 200
MOST_INCOMING = 50
#: Calls of webhooks that are shown, and of each webhook since the mail was stored that are looked at.
MOST_CALLS, CALLS_LOOKED_AT = 20, 2_000

#: Kind of event → what the page says.
WORDS: dict[str, str] = {
    EventKind.SPOOLED: "Accepted",
    EventKind.DELIVERED: "Delivered",
    EventKind.TEMPFAIL: "Deferred",
    EventKind.FAILED: "Failed",
    EventKind.BLOCKED: "Blocked",
    EventKind.QUARANTINED: "Held",
    EventKind.EXPIRED: "Expired",
    EventKind.CANCELLED: "Cancelled",
    EventKind.IN_DOUBT: "In doubt",
    EventKind.REQUEUED: "Waits again",
    EventKind.OPEN: "Opened",
    EventKind.CLICK: "Followed a link",
    EventKind.MIRROR: "Read on the web",
    EventKind.UNSUBSCRIBE: "Unsubscribed",
    EventKind.COMPLAINT: "Complained",
    EventKind.SUPPRESSED: "Address suppressed",
    EventKind.BOUNCE: "Came back",
    EventKind.RESPONSE: "Answered",
}
_TONES: dict[str, str] = {
    **dict.fromkeys((EventKind.DELIVERED, EventKind.OPEN, EventKind.CLICK, EventKind.RESPONSE), "good"),
    **dict.fromkeys((EventKind.FAILED, EventKind.BOUNCE, EventKind.COMPLAINT, EventKind.BLOCKED), "bad"),
    **dict.fromkeys((EventKind.TEMPFAIL, EventKind.IN_DOUBT, EventKind.QUARANTINED), "odd"),
}
#: Events that are the end of a try.
_TRIES = frozenset({EventKind.DELIVERED, EventKind.TEMPFAIL, EventKind.FAILED, EventKind.IN_DOUBT})
_WHO = {Who.HUMAN.value: "a person", Who.PROXY.value: "a proxy", Who.SCANNER.value: "a scanner"}
#: Of an event's detail, what stands elsewhere in its line.
_TOLD = frozenset({"code", "reply", "why", "who"})


class Step(NamedTuple):
    """One thing that happened. `who` and `router` may be empty."""

    at: datetime
    word: str
    tone: str
    who: str
    router: str
    told: str
    href: str = ""


class Story(NamedTuple):
    """A mail's page above its columns; `more`: not all of its events are shown."""

    headline: str
    state: str
    origin: list[tuple[str, object]]
    steps: list[Step]
    more: bool
    held_by: list[tuple[str, Suppression]]
    #: What else keeps it from leaving, the strongest first.
    reasons: list[Reason]
    calls: list[tuple[str, WebhookDelivery]]


def of(mail: Mail, *, now: datetime) -> Story:
    """A bounded number of queries and rows."""
    happened = list(events.of_mail(mail.pk)[: MOST_EVENTS + 1])
    shown = happened[:MOST_EVENTS]
    steps = [*_steps(shown), *_incoming(mail)]
    state = mail.shown_state(mail.spooler.state)
    return Story(
        headline=_HEADLINES[state](mail) if state in _HEADLINES else _ended(mail, state),
        state=state,
        origin=[(name, value) for name, value in (*_names(mail), *_call(mail)) if value not in ("", None)],
        steps=sorted(steps, key=lambda step: step.at),
        more=len(happened) > MOST_EVENTS,
        held_by=_held_by(mail, now),
        reasons=_reasons(mail, state, now),
        calls=_calls(mail, shown),
    )


def _steps(happened: list[Event]) -> Iterator[Step]:
    tried = 0
    for event in happened:
        tried += event.kind in _TRIES
        word = WORDS[event.kind]
        if event.kind in _TRIES:
            word = f"Try {tried}: {word.lower()}"
        yield Step(
            at=event.at,
            word=word,
            tone=_TONES.get(event.kind, ""),
            who=_WHO.get(event.detail.get("who", ""), ""),
            router=event.router,
            told=_told(event.detail),
        )


def _told(detail: Mapping[str, Any]) -> str:
    code, reply = str(detail.get("code") or ""), str(detail.get("reply") or detail.get("why") or "")
    answer = reply if reply.startswith(code) else f"{code} {reply}".strip()
    rest = (
        f"{name}: {value}" for name, value in detail.items() if name not in _TOLD and value not in ("", None)
    )
    return " · ".join(part for part in (answer or code, *rest) if part)


def _incoming(mail: Mail) -> Iterator[Step]:
    """What came in about it."""
    rows = IncomingMail.objects.filter(mail_id=mail.pk).defer("raw").order_by("received_at")
    for row in rows[:MOST_INCOMING]:
        label = f"Came in: {row.get_kind_display().lower()}"
        yield Step(row.received_at, label, "", "", "", "Show what it says", pages.page_of(row))


def _held_by(mail: Mail, now: datetime) -> list[tuple[str, Suppression]]:
    """Nothing goes to an erased address."""
    rows = suppressions.holding(mail, now=now)[:MOST_INCOMING] if mail.email else ()
    return [(_href(row), row) for row in rows]


def _reasons(mail: Mail, state: str, now: datetime) -> list[Reason]:
    """Of a mail that waits. Suppressions stand by themselves, and the headline says when it is due."""
    if state != MailState.WAITING:
        return []
    held = explanations.holding(mail, now=now)
    return [reason for reason in held if not reason.code.startswith(("suppressed_", "not_due"))]


def _calls(mail: Mail, happened: list[Event]) -> list[tuple[str, WebhookDelivery]]:
    """Calls that told of these events, as far as their first and last event show it."""
    if not happened:
        return []
    ids = [event.pk for event in happened]
    found: list[WebhookDelivery] = []
    for webhook in Webhook.objects.filter(account_id=mail.account_id):
        since = webhook.deliveries.filter(at__gte=mail.created_at).order_by("at")
        looked_at = WebhookDelivery.objects.filter(pk__in=since.values("pk")[:CALLS_LOOKED_AT])
        about = looked_at.filter(first_event_id__lte=max(ids), last_event_id__gte=min(ids))
        found += about.select_related("webhook").order_by("at")[:MOST_CALLS]
    told = [call for call in found if any(call.first_event_id <= each <= call.last_event_id for each in ids)]
    return [(_href(call), call) for call in sorted(told, key=lambda call: call.at)[:MOST_CALLS]]


def _names(mail: Mail) -> Iterator[tuple[str, object]]:
    """What each API calls it."""
    yield "Id", mail.public_id.hex
    yield "For Relay", mail.public_id
    yield "For SMTPeter", public_ids.letter_first(mail.public_id)
    yield "Attempt (handoff)", mail.attempt_id


def _call(mail: Mail) -> Iterator[tuple[str, object]]:
    """The call that made it."""
    yield "Account", mail.account
    yield "Stored", _moment(mail.created_at)
    call = Submission.objects.select_related("api_key").filter(pk=mail.submission_id).first()
    if call is None:
        return
    yield "Came by", call.wire
    yield "Call", call.public_id
    yield "Key", f"{call.api_key.prefix}… {call.api_key.name}".strip() if call.api_key else ""
    yield "Reference", call.client_reference
    yield "Tags", ", ".join(dict.fromkeys(map(str, [*(mail.tags or ()), *call.tags])))
    yield "Metadata", json.dumps(call.metadata, ensure_ascii=False) if call.metadata else ""


def _href(row: Model) -> str:
    return pages.page_of(row)


def _moment(at: datetime | None) -> str:
    return f"{at:%d %b %Y, %H:%M:%S} UTC" if at else "a moment that nobody noted"


def _waiting(mail: Mail) -> str:
    again = f" after {mail.tries} tries" if mail.tries > 1 else " after one try" if mail.tries else ""
    return f"Waits{again}: due on {_moment(mail.due_at)}"


def _sending(mail: Mail) -> str:
    # It goes with the last of its mails, at any moment.
    claim = Claim.objects.filter(pk=mail.claim_id or 0).first()
    if claim is None:
        return "Being sent"
    return f"Being sent by {claim.worker} until {_moment(claim.leased_until)} (claim {claim.pk})"


def _in_doubt(mail: Mail) -> str:
    return "In doubt: it may have arrived; the reply to it was lost"


def _ended(mail: Mail, state: str) -> str:
    return f"{MailState(state).label} on {_moment(mail.ended_at)}"


_HEADLINES = {
    MailState.WAITING.value: _waiting,
    MailState.SENDING.value: _sending,
    MailState.IN_DOUBT.value: _in_doubt,
}
