"""Connection and rate slots of routers and of their parts, shared by all workers.

A part of a router is what has limits of its own: a provider, a destination domain, or the domains that share servers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
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
#: Share of refusals (4xx) from which a router is slowed, and how many there are at least.
TOO_MANY_REFUSALS = 0.3
FEWEST_REFUSALS = 5
SLOWEST_PACE = 50
#: Share of a router's connections that is kept for transactional mail.
TRANSACTIONAL_SHARE = 0.2
FULL_PACE = 1000
#: Connections to a part of a direct router that has no limit of its own: what big receivers bear of an unknown sender.
PART_CONNECTIONS = 10
#: How long a part is remembered that nothing happened to.
REMEMBERED = timedelta(days=7)


def lease_connections(destination: Destination, worker: str, *, lane: str, now: datetime) -> int:
    """How many connections this drain may hold for SLOT_SECONDS: at most its fair share once others hold some.

    Campaigns never take the last of them, and a router that refuses much gets fewer.
    """
    return lease_parts(destination, [ALL_PROVIDERS], worker, lane=lane, now=now)[ALL_PROVIDERS]


@transaction.atomic
def lease_parts(
    destination: Destination, parts: Collection[str], worker: str, *, lane: str, now: datetime
) -> dict[str, int]:
    """As `lease_connections`, for several parts of a router at once."""
    Router.objects.select_for_update().get(pk=destination.id)
    slots = ConnectionSlot.objects.filter(router_id=destination.id, provider__in=parts)
    slots.filter(leased_until__lte=now).delete()
    others: defaultdict[str, list[int]] = defaultdict(list)
    for part, connections in slots.exclude(worker=worker).values_list("provider", "connections"):
        others[part].append(connections)
    paces = dict(
        Shape.objects.filter(router_id=destination.id, provider__in=parts).values_list("provider", "pace")
    )
    granted = {
        part: _granted(
            _limit(most_connections(destination, part), paces.get(part, FULL_PACE), lane), others[part]
        )
        for part in parts
    }
    if not destination.direct:
        granted = {part: min(settings.DELIVERY_CONNECTIONS, each) for part, each in granted.items()}
    _store(destination.id, worker, granted, now + timedelta(seconds=SLOT_SECONDS))
    return granted


def _granted(limit: int, others: list[int]) -> int:
    share = ceil(limit / (len(others) + 1))
    return max(0, min(share, limit - sum(others)))


def most_connections(destination: Destination, part: str) -> int:
    """What all drains together may hold at most to a router, or to a part of a direct one."""
    if part == ALL_PROVIDERS:
        return destination.max_connections
    own = destination.limit_of(part).max_connections
    return min(destination.max_connections, PART_CONNECTIONS if own is None else own)


def _limit(most: int, pace: int, lane: str) -> int:
    slowed = ceil(most * pace / FULL_PACE)
    reserved = ceil(slowed * TRANSACTIONAL_SHARE) if lane == Lane.BULK and slowed > 1 else 0
    return slowed - reserved


def _store(router_id: int, worker: str, granted: dict[str, int], until: datetime) -> None:
    ConnectionSlot.objects.bulk_create(
        [
            ConnectionSlot(
                router_id=router_id, provider=part, worker=worker, connections=each, leased_until=until
            )
            for part, each in granted.items()
        ],
        update_conflicts=True,
        unique_fields=["router", "provider", "worker"],
        update_fields=["connections", "leased_until"],
    )


def release_parts(router_id: int, parts: Collection[str], worker: str) -> None:
    """This drain sends nothing to these parts any more."""
    ConnectionSlot.objects.filter(router_id=router_id, provider__in=parts, worker=worker).delete()


def release_connections(worker: str) -> None:
    """The drain is over."""
    ConnectionSlot.objects.filter(worker=worker).delete()


@transaction.atomic
def take_rate(destination: Destination, *, wanted: int, now: datetime, part: str = ALL_PROVIDERS) -> int:
    """How many of `wanted` mails may leave now for this router, or this part of it: all where it has no rate."""
    rate = per_minute(destination, part)
    if rate is None:
        return wanted
    shape, _ = Shape.objects.select_for_update().get_or_create(
        router_id=destination.id, provider=part, defaults={"refilled_at": now}
    )
    per_second = rate / 60 * shape.pace / FULL_PACE
    elapsed = max((now - shape.refilled_at).total_seconds(), 0.0)
    allowance = min(shape.allowance + elapsed * per_second, max(per_second * BURST_SECONDS, 1.0))
    taken = min(wanted, int(allowance))
    shape.allowance = allowance - taken
    shape.refilled_at = now
    shape.save(update_fields=["allowance", "refilled_at"])
    return taken


def per_minute(destination: Destination, part: str) -> int | None:
    """The rate of a router or of a part of it; None: no limit."""
    if part == ALL_PROVIDERS:
        return destination.mails_per_minute
    return destination.limit_of(part).mails_per_minute


@transaction.atomic
def note_answers(router_id: int, *, sent: int, refused: int, part: str = ALL_PROVIDERS) -> None:
    """Halve the pace where many answers were 4xx; let it recover by a quarter where few were."""
    many = refused >= FEWEST_REFUSALS and refused > TOO_MANY_REFUSALS * (sent + refused)
    if many:
        Shape.objects.get_or_create(router_id=router_id, provider=part)
    shape = Shape.objects.select_for_update().filter(router_id=router_id, provider=part).first()
    if shape is None:
        return
    pace = max(SLOWEST_PACE, shape.pace // 2) if many else min(FULL_PACE, ceil(shape.pace * 1.25))
    if pace != shape.pace:
        Shape.objects.filter(pk=shape.pk).update(pace=pace)


def prune(*, now: datetime) -> int:
    """Forget parts to which nothing happened for REMEMBERED; answers how many."""
    quiet = Shape.objects.exclude(provider=ALL_PROVIDERS).filter(
        refilled_at__lt=now - REMEMBERED, pace__gte=FULL_PACE
    )
    return quiet.exclude(deferred_until__gt=now - REMEMBERED).delete()[0]
