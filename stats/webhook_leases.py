"""Who calls a webhook, how far it was told, and what becomes of it when it does not answer.

One worker at a time: every step is guarded by the lease that it holds.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.db.models.expressions import RawSQL

from earwig.models import Account
from stats import cursors, webhooks
from stats.models import Webhook, WebhookDelivery, WebhookFormat

#: The first one, in seconds; each further one is twice as long.
FIRST_DELAY = 1.0
#: Doubled no further than this, whatever the longest delay is.
_MOST_DOUBLINGS = 30
#: How long SMTPeter's clients are tried.
_SMTPETER_PATIENCE = timedelta(hours=24)
#: The first event that a webhook was not told, below a position. All columns are compared and ordered by together, so
#: that no index serves but `event_of_account`: by another one, a silent account would cost a look at all others' events.
_FIRST_UNREAD = """
SELECT id FROM stats_event WHERE (account_id, "transaction", id)
    >= (stats_webhook.account_id, stats_webhook."transaction", stats_webhook.event_id)
AND (account_id, "transaction", id) < (stats_webhook.account_id, %s, %s)
ORDER BY account_id, "transaction", id LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one call, or why it was not made."""

    first_event_id: int = 0
    last_event_id: int = 0
    events: int = 0
    replay: bool = False
    status: int | None = None
    fault: str = ""
    milliseconds: int = 0

    @property
    def taken(self) -> bool:
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def unwanted(self) -> bool:
        """The receiver says that nothing is to come any more."""
        return self.status == HTTPStatus.GONE


def lease() -> timedelta:
    """Longer than any one call."""
    return timedelta(seconds=max(5.0, 3 * settings.WEBHOOK_SECONDS))


def delay(tries: int) -> timedelta:
    """Before the next call after so many that failed in a row."""
    doubled = FIRST_DELAY * 2.0 ** min(max(tries - 1, 0), _MOST_DOUBLINGS)
    return timedelta(seconds=min(doubled, settings.WEBHOOK_LONGEST_DELAY_SECONDS) * random.uniform(0.8, 1.2))


def patience(webhook: Webhook) -> timedelta:
    """For how long it may fail before it is paused."""
    if webhook.format == WebhookFormat.SMTPETER:
        return _SMTPETER_PATIENCE
    return timedelta(hours=settings.WEBHOOK_GIVE_UP_HOURS)


def due(*, now: datetime) -> models.QuerySet[Webhook]:
    """Those that may be called now, the longest due first."""
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    active = Account.objects.filter(active=True).values("id")
    rows = Webhook.objects.filter(free, paused_at=None, next_try_at__lte=now, account_id__in=active)
    return rows.order_by("next_try_at", "id")


def due_with_news(*, now: datetime) -> models.QuerySet[Webhook]:
    """Those due to whose accounts something happened behind where they stand, or that are not verified yet.

    One statement for all: one that has nothing to be told costs a probe of an index.
    """
    horizon = cursors.horizon()
    unread = RawSQL(_FIRST_UNREAD, (str(horizon.transaction), horizon.event_id))
    has_news = Q(verified_at=None) | Q(first_unread__isnull=False)
    return due(now=now).alias(first_unread=unread).filter(has_news)


def position_of(webhook: Webhook) -> cursors.Position:
    return cursors.Position(int(webhook.transaction), webhook.event_id)


@transaction.atomic
def take(webhook: Webhook, *, now: datetime) -> bool:
    """Lease it, as it stands in the database now. False: somebody else has, or it is no longer due."""
    until = now + lease()
    taken = due(now=now).order_by().filter(pk=webhook.pk).update(leased_until=until)
    if taken:
        webhook.refresh_from_db()
    return bool(taken) and webhook.leased_until == until


def move(webhook: Webhook, position: cursors.Position, *, now: datetime) -> bool:
    """It was told all before `position`; the lease runs anew. False: it is no longer ours."""
    until = now + lease()
    moved = _ours(webhook).update(
        transaction=position.transaction,
        event_id=position.event_id,
        tries=0,
        failing_since=None,
        leased_until=until,
    )
    webhook.transaction, webhook.event_id, webhook.leased_until = (
        position.transaction,
        position.event_id,
        until,
    )
    webhook.tries, webhook.failing_since = 0, None
    return bool(moved)


def release(webhook: Webhook, *, now: datetime) -> None:
    """Others may call it, and those that waited longer come first."""
    _ours(webhook).update(leased_until=None, next_try_at=now)


@transaction.atomic
def fail(webhook: Webhook, outcome: Outcome, *, now: datetime) -> None:
    """A call failed: the next one waits longer, and after its patience, or at once when it is unwanted, it is paused."""
    failing_since, tries = webhook.failing_since or now, webhook.tries + 1
    ours = _ours(webhook).update(
        tries=tries, failing_since=failing_since, next_try_at=now + delay(tries), leased_until=None
    )
    if ours and outcome.unwanted:
        webhooks.give_up(webhook, because="The receiver answered 410 Gone.", now=now)
    elif ours and now - failing_since >= patience(webhook):
        hours = int(patience(webhook).total_seconds() // 3600)
        webhooks.give_up(webhook, because=f"No call was taken for {hours} hours.", now=now)


def verify(webhook: Webhook, *, now: datetime) -> None:
    """Its owner has proven to own it."""
    _ours(webhook).update(verified_at=now, tries=0, failing_since=None)
    webhook.verified_at = now


def note(webhook: Webhook, outcome: Outcome, *, now: datetime) -> None:
    """Append a call to the log; nothing where the webhook was deleted meanwhile."""
    with transaction.atomic():
        if Webhook.objects.select_for_update().filter(pk=webhook.pk).exists():
            WebhookDelivery.objects.create(
                webhook_id=webhook.pk,
                first_event_id=outcome.first_event_id,
                last_event_id=outcome.last_event_id,
                events=outcome.events,
                replay=outcome.replay,
                at=now,
                status=outcome.status,
                fault=outcome.fault,
                milliseconds=outcome.milliseconds,
            )


def _ours(webhook: Webhook) -> models.QuerySet[Webhook]:
    return Webhook.objects.filter(pk=webhook.pk, leased_until=webhook.leased_until, paused_at=None)
