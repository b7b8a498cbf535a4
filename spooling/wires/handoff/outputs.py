"""Rows to the wire's JSON documents (contract §3)."""

from __future__ import annotations

from datetime import UTC, datetime

from earwig.models import HandoffMessage, Sender


def sender(row: Sender) -> dict[str, object]:
    """Exactly five keys."""
    return {
        "email": row.email,
        "created_at": instant(row.created_at),
        "email_expires_at": instant(row.email_expires_at),
        "name": row.name,
        "id": row.hash,
    }


def message(row: HandoffMessage) -> dict[str, object]:
    """Exactly six keys; recipients in the order in which they were posted."""
    recipients = row.recipients.order_by("position").values_list("status", "person_id")
    return {
        "message": row.message,
        "id": row.pk,
        "type": row.type,
        "sender": row.sender.hash,
        "recipients": [{"status": status, "recipient_id": person_id} for status, person_id in recipients],
        "subject": row.subject,
    }


def instant(at: datetime) -> str:
    """UTC with six fractional digits and `+00:00`, also on a full second (quirk 10)."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
