"""Connection and rate slots of routers, shared by all workers."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

from django.conf import settings
from django.db import transaction

from spooling.models import ConnectionSlot, Router, Shape
from spooling.models.spoolers import Lane
from spooling.routers import ALL_PROVIDERS, Destination

#: How long a drain may hold connections without asking again.
SLOT_SECONDS = 30.0
#: What may leave at once after a silence, in seconds of the full rate.
BURST_SECONDS = 2.0
#: Share of refusals (4xx) from which a router is slowed.
TOO_MANY_REFUSALS = 0.3
SLOWEST_PACE = 50
#: Share of a router's connections that is kept for transactional mail.
TRANSACTIONAL_SHARE = 0.2
FULL_PACE = 1000


@transaction.atomic
def lease_connections(destination: Destination, worker: str, *, lane: str, now: datetime) -> int:
    """How many connections this drain may hold for SLOT_SECONDS: at most its fair share once others hold some.

    Campaigns never take the last of them, and a router that refuses much gets fewer.
    """
    Router.objects.select_for_update().get(pk=destination.id)
    slots = ConnectionSlot.objects.filter(router_id=destination.id)
    slots.filter(leased_until__lte=now).delete()
    others = list(slots.exclude(worker=worker).values_list("connections", flat=True))
    limit = _limit(destination, lane)
    share = ceil(limit / (len(others) + 1))
    granted: int = max(0, min(settings.DELIVERY_CONNECTIONS, share, limit - sum(others)))
    slots.update_or_create(
        router_id=destination.id,
        worker=worker,
        defaults={"connections": granted, "leased_until": now + timedelta(seconds=SLOT_SECONDS)},
    )
    return granted


def _limit(destination: Destination, lane: str) -> int:
    shape = Shape.objects.filter(router_id=destination.id, provider=ALL_PROVIDERS).first()
    slowed = ceil(destination.max_connections * (shape.pace if shape else FULL_PACE) / FULL_PACE)
    reserved = ceil(slowed * TRANSACTIONAL_SHARE) if lane == Lane.BULK and slowed > 1 else 0
    return slowed - reserved


def release_connections(worker: str) -> None:
    """The drain is over."""
    ConnectionSlot.objects.filter(worker=worker).delete()


@transaction.atomic
def take_rate(destination: Destination, *, wanted: int, now: datetime) -> int:
    """How many of `wanted` mails may be claimed now for this router: all of them where it has no rate."""
    if destination.mails_per_minute is None:
        return wanted
    shape, _ = Shape.objects.select_for_update().get_or_create(
        router_id=destination.id, provider=ALL_PROVIDERS, defaults={"refilled_at": now}
    )
    per_second = destination.mails_per_minute / 60 * shape.pace / FULL_PACE
    elapsed = max((now - shape.refilled_at).total_seconds(), 0.0)
    allowance = min(shape.allowance + elapsed * per_second, max(per_second * BURST_SECONDS, 1.0))
    taken = min(wanted, int(allowance))
    shape.allowance = allowance - taken
    shape.refilled_at = now
    shape.save(update_fields=["allowance", "refilled_at"])
    return taken


@transaction.atomic
def note_answers(router_id: int, *, sent: int, refused: int) -> None:
    """Halve the pace where many answers were 4xx; let it recover by a quarter where few were."""
    shape, _ = Shape.objects.select_for_update().get_or_create(router_id=router_id, provider=ALL_PROVIDERS)
    many = refused > TOO_MANY_REFUSALS * (sent + refused)
    pace = max(SLOWEST_PACE, shape.pace // 2) if many else min(FULL_PACE, ceil(shape.pace * 1.25))
    if pace != shape.pace:
        Shape.objects.filter(pk=shape.pk).update(pace=pace)
