"""Warm-up plans: a new sending domain gives each provider more mails each day, so that its name becomes known slowly."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import F

from earwig.models import Domain
from spooling import limits
from spooling.models import WarmUp, WarmUpDay

#: How long what was read of the plans serves; a change holds from then on.
TRUSTED_SECONDS = 1.0
#: More than anybody sends in a day; growth ends here.
MOST = 1_000_000_000
#: How long it is kept what left on a day.
REMEMBERED = timedelta(days=90)


class Spent(NamedTuple):
    """Of which quota a mail was let through."""

    plan_id: int
    provider: str
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a plan says."""

    started_on: date
    first_day: int = 50
    growth_percent: int = 50
    days: int = 30


def quota(terms: Terms | WarmUp, day: date) -> int | None:
    """Mails to one provider on that day; None: any number, before the plan and after it."""
    number = (day - terms.started_on).days
    if not 0 <= number < terms.days:
        return None
    mails = float(terms.first_day)
    for _ in range(number):
        if mails >= MOST:
            break
        mails *= 1 + terms.growth_percent / 100
    return min(int(mails), MOST)


def plan(domain: Domain, terms: Terms) -> WarmUp:
    """Set the domain's plan, or change it. What left today counts on."""
    row, _ = WarmUp.objects.update_or_create(
        domain=domain,
        defaults={
            "started_on": terms.started_on,
            "first_day": terms.first_day,
            "growth_percent": terms.growth_percent,
            "days": terms.days,
        },
    )
    forget()
    return row


def end(row: WarmUp) -> None:
    """The domain sends as much as it likes. What waits for tomorrow waits on."""
    row.delete()
    forget()


def of_domain(domain: Domain) -> WarmUp | None:
    return WarmUp.objects.filter(domain=domain).first()


def today(row: WarmUp, *, now: datetime) -> dict[str, int]:
    """What left today, by provider."""
    spent = WarmUpDay.objects.filter(plan=row, day=_day(now), mails__gt=0).order_by("provider")
    return dict(spent.values_list("provider", "mails"))


def left(row: WarmUp, provider: str, *, now: datetime) -> int | None:
    """How many mails to this provider may still leave today; None: any number."""
    limit = quota(row, _day(now))
    return None if limit is None else max(0, limit - today(row, now=now).get(provider, 0))


def room_at(row: WarmUp, provider: str, mails: int, *, start_at: datetime, now: datetime) -> datetime | None:
    """From when on the last of so many mails to this provider may leave. None: not within `limits.LONGEST`."""
    day, at = _day(start_at), start_at
    room = left(row, provider, now=now) if day == _day(now) else quota(row, day)
    while room is not None and mails > room:
        mails -= room
        day, at = _day(at) + timedelta(days=1), tomorrow(at)
        room = quota(row, day)
        if at - start_at > limits.LONGEST:
            return None
    return at


_plans: tuple[float, dict[int, WarmUp]] | None = None


def forget() -> None:
    """Plans are read anew."""
    global _plans
    _plans = None


def running(now: datetime) -> Mapping[int, WarmUp]:
    """The plans in force today, by the id of the domain; asking costs next to nothing."""
    global _plans
    if _plans is None or time.monotonic() - _plans[0] > TRUSTED_SECONDS:
        day = _day(now)
        rows = WarmUp.objects.filter(started_on__lte=day)
        _plans = time.monotonic(), {row.domain_id: row for row in rows if quota(row, day) is not None}
    return _plans[1]


def let_through(row: WarmUp, provider: str, wanted: int, *, now: datetime) -> int:
    """How many of the wanted mails may leave today: all workers together never exceed the plan."""
    limit = quota(row, _day(now))
    if limit is None:
        return wanted
    with transaction.atomic():
        if not WarmUp.objects.filter(pk=row.pk).exists():
            # It was removed just now.
            return wanted
        days = WarmUpDay.objects.select_for_update()
        day, _ = days.get_or_create(plan=row, provider=provider, day=_day(now))
        taken = max(0, min(wanted, limit - day.mails))
        WarmUpDay.objects.filter(pk=day.pk).update(mails=F("mails") + taken)
    return taken


def spent(row: WarmUp, provider: str, *, now: datetime) -> Spent:
    """What a mail that was let through took; to be given back if it does not leave."""
    return Spent(row.pk, provider, _day(now))


@transaction.atomic
def give_back(unspent: Counter[Spent]) -> None:
    """These were let through and did not leave."""
    for each, count in unspent.items():
        row = WarmUpDay.objects.filter(plan=each.plan_id, provider=each.provider, day=each.day)
        row.filter(mails__gte=count).update(mails=F("mails") - count)


def tomorrow(now: datetime) -> datetime:
    """When the next day's mails may leave."""
    return datetime.combine(_day(now) + timedelta(days=1), datetime.min.time(), tzinfo=UTC)


def prune(*, now: datetime) -> int:
    """Forget what left long ago; answers of how many days."""
    return WarmUpDay.objects.filter(day__lt=_day(now - REMEMBERED)).delete()[0]


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()
