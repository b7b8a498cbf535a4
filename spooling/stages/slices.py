"""The ready subscriptions of a schedule, slice by slice: for its runs, and for sends asked for it (contract §4.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from spooling.models import JobRequest, Subscription
from spooling.stages import orders, sends
from spooling.stages.planning import Batch

#: Subscriptions of one transaction.
SIZE = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A schedule's subscriptions above an id that there were at a moment."""

    account_id: int
    schedule_id: int
    above: int
    created_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How far the slice went, and for how many a message was queued; `last` None: none were left."""

    last: int | None
    queued: int


def send(slice_: Slice, *, now: datetime) -> Done:
    """Send the next of them their message. Call it in the transaction that keeps how far it came.

    Waits for rows that somebody else is changing and then looks at them anew: whoever was deactivated gets nothing.
    A subscription with a message on its way is passed over.
    """
    free = Q(locked_until=None) | Q(locked_until__lte=now)
    ready = Subscription.objects.ready().filter(
        free,
        schedule=slice_.schedule_id,
        pk__gt=slice_.above,
        created_at__lte=slice_.created_until,
    )
    subscriptions = list(ready.order_by("pk").select_for_update()[:SIZE])
    if not subscriptions:
        return Done(last=None, queued=0)
    outcome = sends.send(Batch(account_id=slice_.account_id, subscriptions=subscriptions), now=now)
    orders.call_for(outcome.calls, now=now)
    orders.retry_for([each for each in subscriptions if each.pk in outcome.later], now=now)
    last = subscriptions[-1].pk if len(subscriptions) == SIZE else None
    return Done(last=last, queued=len(outcome.sent) + len(outcome.calls) + len(outcome.later))


def send_asked(job: JobRequest, now: datetime) -> bool:
    """Send the next slice of those that were there when it was asked for; whether more are left."""
    done = send(
        Slice(
            account_id=job.account_id,
            schedule_id=job.arguments["schedule"],
            above=job.position,
            created_until=job.created_at,
        ),
        now=now,
    )
    job.progress += done.queued
    job.position = done.last or job.position
    return done.last is not None
