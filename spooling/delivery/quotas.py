"""The day's quotas of sending domains that warm up: what is over waits for tomorrow, at no cost."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from spooling import warm_ups
from spooling.delivery.consignments import Delivery, Parcel
from spooling.outbox.values import Result


def keep(delivery: Delivery, direct: list[Parcel], *, now: datetime) -> None:
    """Take what is over out of the delivery's parcels, and out of those that are to be looked up."""
    plans = warm_ups.running(now)
    if not plans:
        return
    over: set[int] = set()
    for (domain_id, provider), group in _groups([*delivery.parcels, *direct]).items():
        row = None if domain_id is None else plans.get(domain_id)
        if row is not None:
            left = warm_ups.let_through(row, provider, len(group), now=now)
            for parcel in group[:left]:
                parcel.spent = warm_ups.spent(row, provider, now=now)
            over.update(parcel.mail.id for parcel in group[left:])
            delivery.decided += [_tomorrow(parcel, now) for parcel in group[left:]]
    for found in (delivery.parcels, direct):
        found[:] = [parcel for parcel in found if parcel.mail.id not in over]


def _groups(parcels: list[Parcel]) -> dict[tuple[int | None, str], list[Parcel]]:
    groups: defaultdict[tuple[int | None, str], list[Parcel]] = defaultdict(list)
    for parcel in parcels:
        groups[parcel.mail.domain_id, parcel.mail.provider].append(parcel)
    return groups


def _tomorrow(parcel: Parcel, now: datetime) -> Result:
    return Result(parcel.mail.id, parcel.claim_id, "waiting", due_at=warm_ups.tomorrow(now))
