"""Deliveries as this wire shows them, and what happened to them (contract §6.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spooling import deliveries, subjects
from spooling.deliveries import Status
from spooling.models import Mail
from spooling.wires.relay import dates, relations
from stats.models import Event, EventKind

#: Kinds of events, and what clients call them; others are not shown.
TYPES: dict[str, str] = {
    EventKind.SPOOLED: Status.QUEUED.value,
    EventKind.DELIVERED: Status.SENT.value,
    EventKind.TEMPFAIL: Status.RETRYING.value,
    EventKind.FAILED: Status.REJECTED.value,
    EventKind.EXPIRED: Status.REJECTED.value,
    EventKind.BOUNCE: Status.REJECTED.value,
    EventKind.BLOCKED: Status.DROPPED.value,
    EventKind.CANCELLED: Status.DROPPED.value,
    EventKind.OPEN: "open",
    EventKind.CLICK: "click",
    EventKind.UNSUBSCRIBE: "unsubscribed",
    EventKind.COMPLAINT: "spam",
}
#: Members of an event of a person, and where its detail has them.
_VISITS = {"url": "url", "ip": "ip", "userAgent": "useragent"}


def present(home: str, mails: Sequence[Mail]) -> list[dict[str, Any]]:
    """A document each, in their order; one query."""
    hits = deliveries.visits(mails)
    return [_document(home, mail, hits) for mail in mails]


def event(told: Event, address: str) -> dict[str, Any]:
    """An event of a delivery to this address."""
    detail = told.detail
    optional = {name: detail[place] for name, place in _VISITS.items() if detail.get(place)}
    return {
        "type": TYPES[told.kind],
        "date": dates.written(told.at),
        "recipientAddress": address,
        **optional,
    }


def href(home: str, mail: Mail) -> str:
    return f"{home}/deliveries/{mail.public_id}"


def _document(home: str, mail: Mail, hits: Mapping[tuple[int, str], int]) -> dict[str, Any]:
    call, status = mail.submission, deliveries.status(mail)
    return {
        "id": str(mail.public_id),
        "messageId": str(call.public_id),
        "subject": subjects.shown(mail),
        "senderAddress": mail.content.from_email,
        "senderName": mail.content.from_name,
        "recipientAddress": mail.email,
        "recipientName": mail.name,
        "date": dates.written(mail.created_at),
        "status": status,
        "bounceType": _bounce_type(mail, status),
        "opens": hits.get((mail.pk, EventKind.OPEN), 0),
        "clicks": hits.get((mail.pk, EventKind.CLICK), 0),
        "metadata": call.metadata,
        "_links": [
            relations.link(href(home, mail), "get-delivery"),
            relations.link(f"{home}/messages/{call.public_id}", "get-message"),
        ],
    }


def _bounce_type(mail: Mail, status: Status) -> str | None:
    """Quirk 16."""
    if status not in (Status.REJECTED, Status.INVALID):
        return None
    return "hard" if deliveries.is_hard(mail) else "soft"
