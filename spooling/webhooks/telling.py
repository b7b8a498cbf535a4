"""The turn of a webhook: from where it stands, call after call, until nothing is new or one fails."""

from __future__ import annotations

import time

from django.utils import timezone

from earwig.errors import Unsealable
from spooling.webhooks import calls, proofs
from stats import events, webhook_leases, webhooks
from stats.models import Webhook
from stats.webhook_leases import Outcome

#: After which a webhook lets others go first.
TURN_SECONDS = 10.0


def turn(webhook: Webhook) -> None:
    """Tell a leased webhook what is new; every call that is taken moves it, one that is not ends the turn."""
    ends = time.monotonic() + TURN_SECONDS
    if webhook.verified_at is None and not _prove(webhook):
        return
    try:
        is_ours = _tell(webhook, ends)
    except Unsealable:
        _fail(webhook, calls.UNSIGNED)
        return
    if is_ours:
        webhook_leases.release(webhook, now=timezone.now())


def _tell(webhook: Webhook, ends: float) -> bool:
    """Whether the lease is still held. Raises Unsealable."""
    while time.monotonic() < ends:
        more = _tell_some(webhook, ends)
        if more is None:
            return False
        if not more:
            break
    return True


def _tell_some(webhook: Webhook, ends: float) -> bool | None:
    """Whether there is more; None: the lease is given back or lost."""
    position = webhook_leases.position_of(webhook)
    found, behind = events.after(position, webhooks.events_for(webhook), limit=calls.TOGETHER)
    for parcel in calls.format_of(webhook).parcels(webhook, found, replay=False, now=timezone.now()):
        if time.monotonic() > ends:
            return False
        outcome = calls.call(webhook, parcel)
        if not outcome.taken:
            _fail(webhook, outcome)
            return None
        webhook_leases.note(webhook, outcome, now=timezone.now())
        if not webhook_leases.move(webhook, parcel.position, now=timezone.now()):
            return None
    if not webhook_leases.move(webhook, behind, now=timezone.now()):
        return None
    return len(found) == calls.TOGETHER


def _prove(webhook: Webhook) -> bool:
    """Look for the proof; without it the webhook is told nothing."""
    outcome = proofs.look(webhook)
    if outcome.taken:
        webhook_leases.verify(webhook, now=timezone.now())
        return True
    _fail(webhook, outcome)
    return False


def _fail(webhook: Webhook, outcome: Outcome) -> None:
    webhook_leases.note(webhook, outcome, now=timezone.now())
    webhook_leases.fail(webhook, outcome, now=timezone.now())
