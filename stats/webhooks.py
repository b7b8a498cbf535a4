"""Webhooks as their owners have them: made, changed, paused, resumed, with a secret that signs what they are told."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import Count, Q

from earwig import audit, fetching, sealing
from earwig.models import Account
from stats import cursors, errors
from stats.models import Event, EventKind, Webhook, WebhookDelivery, WebhookFormat

#: Of an account. Each is a reader of all its events.
MOST = 20
#: Characters of a URL.
LONGEST_URL = 2000
#: For how long the secret before signs too.
OVERLAP = timedelta(hours=24)
#: Of the log of calls.
RETENTION = timedelta(days=30)
#: Rows of the log that one statement deletes.
PRUNED_TOGETHER = 10_000
#: In the settings of a webhook: what must be readable beside its URL before it is told anything.
PROOF = "proof"
#: How webhooks are doing.
STATES = {
    "well": Q(paused_at=None, failing_since=None),
    "failing": Q(paused_at=None, failing_since__isnull=False),
    "paused": Q(paused_at__isnull=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a webhook is to be. Without kinds it is told of all."""

    url: str = field(repr=False)
    kinds: Sequence[str] = ()
    format: str = WebhookFormat.NATIVE
    settings: Mapping[str, Any] = field(default_factory=dict)


@transaction.atomic
def create(account_id: int, wanted: Wanted, *, now: datetime) -> tuple[Webhook, str]:
    """A webhook that is told what happens from now on, and its secret, which cannot be read again.

    Raises InvalidUrl, TargetRefused, WebhookRefused and TooManyWebhooks.
    """
    _require_url(wanted.url)
    _require_kinds(wanted.kinds)
    # Two calls at once must not both find a place.
    Account.objects.select_for_update().get(pk=account_id)
    if Webhook.objects.filter(account_id=account_id).count() >= MOST:
        raise errors.TooManyWebhooks
    position, secret = cursors.horizon(), _new_secret()
    webhook = Webhook.objects.create(
        account_id=account_id,
        url=wanted.url,
        kinds=list(dict.fromkeys(wanted.kinds)),
        format=wanted.format,
        settings=dict(wanted.settings),
        secret_sealed=sealing.seal(secret),
        verified_at=None if PROOF in wanted.settings else now,
        transaction=position.transaction,
        event_id=position.event_id,
        next_try_at=now,
        created_at=now,
    )
    return webhook, secret


def change(webhook: Webhook, *, url: str | None = None, kinds: Sequence[str] | None = None) -> None:
    """What is given. Whoever is calling the webhook at the moment does not move it on any more.

    Raises InvalidUrl, TargetRefused and WebhookRefused.
    """
    if url is not None:
        _require_url(url)
        webhook.url = url
    if kinds is not None:
        _require_kinds(kinds)
        webhook.kinds = list(dict.fromkeys(kinds))
    webhook.leased_until = None
    webhook.save(update_fields=["url", "kinds", "leased_until"])


@transaction.atomic
def rotate(webhook: Webhook, *, now: datetime) -> str:
    """A new secret, which signs from now on; the one before signs too for OVERLAP."""
    # Of two at once the later one keeps the earlier one's, which its owner has been shown.
    webhook.refresh_from_db(from_queryset=Webhook.objects.select_for_update())
    secret = _new_secret()
    webhook.previous_secret_sealed, webhook.previous_until = webhook.secret_sealed, now + OVERLAP
    webhook.secret_sealed = sealing.seal(secret)
    webhook.save(update_fields=["secret_sealed", "previous_secret_sealed", "previous_until"])
    return secret


def secrets_of(webhook: Webhook, *, now: datetime) -> list[str]:
    """Those that sign now, the newest first. Raises Unsealable."""
    sealed = [webhook.secret_sealed]
    if webhook.previous_until is not None and webhook.previous_until > now:
        sealed.append(webhook.previous_secret_sealed)
    return [sealing.unseal(each) for each in sealed]


def pause(webhook: Webhook, *, because: str, now: datetime) -> None:
    """Tell it nothing until it is resumed; one that is paused already keeps its reason."""
    Webhook.objects.filter(pk=webhook.pk, paused_at=None).update(
        paused_at=now, paused_because=because, leased_until=None
    )
    webhook.refresh_from_db()


def resume(webhook: Webhook, *, now: datetime) -> None:
    """Go on where it stood: what happened in between is told now."""
    Webhook.objects.filter(pk=webhook.pk).exclude(paused_at=None).update(
        paused_at=None, paused_because="", tries=0, failing_since=None, next_try_at=now
    )
    webhook.refresh_from_db()


@transaction.atomic
def give_up(webhook: Webhook, *, because: str, now: datetime) -> None:
    """Pause it by ourselves, and say so where people look: in its log and in the audit trail."""
    pause(webhook, because=because, now=now)
    account = Account.objects.filter(pk=webhook.account_id).first()
    audit.record("webhook.pause", webhook, now=now, account=account, detail={"because": because})
    WebhookDelivery.objects.create(
        webhook=webhook, first_event_id=0, last_event_id=0, events=0, at=now, fault=f"Paused: {because}"[:200]
    )


def events_for(webhook: Webhook) -> models.QuerySet[Event]:
    """All that it is to be told of, in no order."""
    rows = Event.objects.filter(account_id=webhook.account_id)
    return rows.filter(kind__in=webhook.kinds) if webhook.kinds else rows


def states() -> dict[str, int]:
    """How many of all accounts are well, failing and paused."""
    counts = {state: Count("id", filter=of_state) for state, of_state in STATES.items()}
    return Webhook.objects.aggregate(**counts)


def prune(*, now: datetime) -> None:
    """Delete the log of calls after RETENTION, some of it at a time."""
    old = WebhookDelivery.objects.filter(at__lt=now - RETENTION).order_by("id").values_list("id", flat=True)
    WebhookDelivery.objects.filter(pk__in=list(old[:PRUNED_TOGETHER])).delete()


def _require_url(url: str) -> None:
    fetching.require_callable(url)
    if len(url) > LONGEST_URL:
        raise errors.WebhookRefused(f"A URL has {LONGEST_URL} characters at most.")


def _require_kinds(kinds: Sequence[str]) -> None:
    if not set(kinds) <= set(EventKind.values):
        raise errors.WebhookRefused("There is no such kind of event.")


def _new_secret() -> str:
    return f"whs_{secrets.token_hex(32)}"
