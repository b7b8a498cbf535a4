"""Finds subscriptions that had fewer messages than their schedule had runs (Seed contract §6.5)."""

from __future__ import annotations

from datetime import datetime

from spooling.models import BehindSubscription, JobRequest, Subscription
from spooling.stages import positions

#: Subscriptions that one transaction looks at.
SLICE = 500


def find(job: JobRequest, now: datetime) -> bool:
    """Keep a row for each of the next ready subscriptions that is behind; whether more are left."""
    ready = Subscription.objects.ready().filter(account=job.account_id, pk__gt=job.position)
    rows = list(ready.select_related("schedule").order_by("pk")[:SLICE])
    known = positions.Known()
    found = [(row, positions.behind(row, until=job.created_at, known=known)) for row in rows]
    late = [_row(row, missed, job) for row, missed in found if missed.messages > 0]
    BehindSubscription.objects.bulk_create(late)
    job.progress += len(late)
    if rows:
        job.position = rows[-1].pk
    return len(rows) == SLICE


def _row(subscription: Subscription, missed: positions.Behind, job: JobRequest) -> BehindSubscription:
    return BehindSubscription(
        account_id=job.account_id,
        subscription=subscription,
        messages_behind=missed.messages,
        current_messageset_id=subscription.messageset_id,
        current_sequence_number=subscription.next_sequence_number,
        expected_messageset_id=missed.message_set_id,
        expected_sequence_number=missed.number,
        created_at=job.created_at,
    )
