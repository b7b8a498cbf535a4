"""Native webhooks: many events in one call, as `GET /api/v1/events/` shows them, signed by HMAC-SHA256."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from spooling import event_objects
from spooling.webhooks.parcels import Parcel
from stats import webhooks
from stats.models import Event, Webhook

#: Events of one call.
MOST_EVENTS = 100


def parcels(webhook: Webhook, events: Sequence[Event], *, replay: bool, now: datetime) -> Iterator[Parcel]:
    """All events in one call. Raises Unsealable."""
    if events:
        yield _parcel(webhook, events, {"replay": True} if replay else {}, now)


def test(webhook: Webhook, *, now: datetime) -> Parcel:
    """A call that tells nothing. Raises Unsealable."""
    return _parcel(webhook, (), {"test": True}, now)


def signature(secrets: Sequence[str], timestamp: str, body: bytes) -> str:
    """`t=…,v1=…`: HMAC-SHA256 of `timestamp.body` in hexadecimal, one for each secret."""
    signed = timestamp.encode() + b"." + body
    digests = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={timestamp}", *(f"v1={digest}" for digest in digests)])


def _parcel(webhook: Webhook, events: Sequence[Event], marks: dict[str, Any], now: datetime) -> Parcel:
    document = {"webhook": webhook.token, **marks, "events": event_objects.present(events)}
    body = json.dumps(document).encode()
    timestamp = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "Earwig-Webhook-Id": webhook.token,
        "Earwig-Timestamp": timestamp,
        "Earwig-Signature": signature(webhooks.secrets_of(webhook, now=now), timestamp, body),
    }
    return Parcel(headers=headers, body=body, events=events)
