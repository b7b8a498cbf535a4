"""One call of a webhook, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.conf import settings

from earwig import errors, fetching
from spooling.webhooks import native_payloads, smtpeter_payloads
from spooling.webhooks.parcels import Parcel
from stats.models import Event, Webhook, WebhookFormat
from stats.webhook_leases import Outcome


class Write(Protocol):
    """What events are in the calls of a format, which are made one after the other."""

    def __call__(
        self, webhook: Webhook, events: Sequence[Event], *, replay: bool, now: datetime
    ) -> Iterator[Parcel]: ...


@dataclass(frozen=True, slots=True)
class Format:
    """How a webhook's events are written, and the call that only tries it."""

    parcels: Write
    test: Callable[..., Parcel]


FORMATS = {
    WebhookFormat.NATIVE: Format(native_payloads.parcels, native_payloads.test),
    WebhookFormat.SMTPETER: Format(smtpeter_payloads.parcels, smtpeter_payloads.test),
}
#: Events that are read at once: those of one native call.
TOGETHER = native_payloads.MOST_EVENTS
#: Of a call that was not made.
UNSIGNED = Outcome(fault="What signs it cannot be opened: its key of EARWIG_KEYS is gone.")
_REFUSED = (errors.InvalidUrl, errors.TargetRefused, errors.TargetUnanswered)


def format_of(webhook: Webhook) -> Format:
    return FORMATS[WebhookFormat(webhook.format)]


def call(webhook: Webhook, parcel: Parcel, *, replay: bool = False) -> Outcome:
    """Make it, for WEBHOOK_SECONDS at most. No redirection is followed; only the status counts."""
    begun = time.monotonic()
    status, fault = None, ""
    posted = fetching.Call(method="POST", url=webhook.url, headers=parcel.headers, body=parcel.body)
    try:
        answer = fetching.request(posted, fetching.Bounds(seconds=settings.WEBHOOK_SECONDS))
        status = answer.status
    except _REFUSED as refused:
        fault = refused.message
    return Outcome(
        first_event_id=parcel.events[0].pk if parcel.events else 0,
        last_event_id=parcel.events[-1].pk if parcel.events else 0,
        events=len(parcel.events),
        replay=replay,
        status=status,
        fault=fault,
        milliseconds=int((time.monotonic() - begun) * 1000),
    )
