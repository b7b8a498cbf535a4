"""When a campaign will be through, at the earliest: what waits for each provider, within every limit that it meets.

Costs rows of rollups, of the ledger and of limits, never a look at mails.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from math import inf

from spooling import limits, routers, warm_ups
from spooling.delivery import shaping
from spooling.models import Backlog, Spooler
from spooling.routers import ALL_PROVIDERS, Destination
from stats import providers, statistics
from stats.statistics import Grouping

#: Mails that a connection is taken to carry in a minute where nothing was measured: three a second.
PER_CONNECTION = 180


def waiting(spooler: Spooler, remaining: int) -> dict[str, int]:
    """How the remaining mails of a campaign are spread over providers, as its figures say.

    Evenly over those for which something waits where the figures say nothing.
    """
    spread = {
        provider: max(0, each.spooled - each.blocked - each.quarantined - each.delivered - each.failed)
        for (provider,), each in statistics.of_spooler(spooler.pk, by=Grouping.PROVIDER).items()
    }
    if not any(spread.values()):
        known = Backlog.objects.filter(spooler=spooler).values_list("provider", flat=True)
        spread = dict.fromkeys(known or [providers.OTHER], 1)
    total = sum(spread.values())
    shares = {provider: remaining * each // total for provider, each in spread.items()}
    largest = max(spread, key=lambda provider: spread[provider])
    shares[largest] += remaining - sum(shares.values())
    return {provider: share for provider, share in shares.items() if share}


def through_at(
    spooler: Spooler, mails: Mapping[str, int], *, measured: float, now: datetime
) -> datetime | None:
    """When the last of these mails, by provider, will have left, if others take nothing of what they may take.

    `measured`: mails that left a minute of late; 0: unknown, and then connections are taken to carry PER_CONNECTION.
    None: never, or not within `limits.LONGEST`.
    """
    start_at, total = max(now, spooler.start_at), sum(mails.values())
    if not total or start_at - now > limits.LONGEST:
        return None
    moments = [
        _after(start_at, total, measured or inf),
        *_by_routers(spooler.account_id, mails, start_at, is_guess=not measured),
        *_by_warm_up(spooler, mails, start_at, now),
        *_by_limits(spooler.account_id, total, start_at, now),
    ]
    known = [moment for moment in moments if moment is not None and moment - now <= limits.LONGEST]
    return max(known) if len(known) == len(moments) else None


def capacity(account_id: int, names: Collection[str]) -> float:
    """Mails a minute that the routers to these providers allow; 0 where there is none."""
    parts: defaultdict[int, float] = defaultdict(float)
    found: dict[int, Destination] = {}
    for provider in names:
        destination = routers.table().choose(account_id, provider)
        if destination is not None:
            found[destination.id] = destination
            parts[destination.id] += _rate_of_part(destination, provider, is_guess=True)
    return float(sum(min(parts[key], _rate(each, is_guess=True)) for key, each in found.items()))


def _after(begin: datetime, mails: int, per_minute: float) -> datetime | None:
    if per_minute <= 0 or mails / per_minute > limits.LONGEST / timedelta(minutes=1):
        return None
    return begin + timedelta(seconds=round(mails / per_minute * 60))


def _by_routers(
    account_id: int, mails: Mapping[str, int], start_at: datetime, *, is_guess: bool
) -> Iterator[datetime | None]:
    sums: Counter[int] = Counter()
    for provider, count in mails.items():
        destination = routers.table().choose(account_id, provider)
        if destination is None:
            yield None
        else:
            sums[destination.id] += count
            rate = _rate_of_part(destination, provider, is_guess=is_guess)
            yield _after(_begin(destination, start_at), count, rate)
    for router_id, count in sums.items():
        destination = routers.table().destinations[router_id]
        yield _after(_begin(destination, start_at), count, _rate(destination, is_guess=is_guess))


def _begin(destination: Destination, start_at: datetime) -> datetime:
    return max(start_at, destination.deferred_until or start_at)


def _rate(destination: Destination, *, is_guess: bool) -> float:
    return min(_given(destination.mails_per_minute), _carried(destination, ALL_PROVIDERS, is_guess=is_guess))


def _rate_of_part(destination: Destination, provider: str, *, is_guess: bool) -> float:
    """Servers of domains that belong to no provider have limits each by itself: of them nothing is foretold."""
    if destination.direct and provider == providers.OTHER:
        return inf
    rate = _given(destination.limit_of(provider).mails_per_minute)
    return min(rate, _carried(destination, provider, is_guess=is_guess)) if destination.direct else rate


def _given(per_minute: int | None) -> float:
    return inf if per_minute is None else per_minute


def _carried(destination: Destination, part: str, *, is_guess: bool) -> float:
    connections = shaping.most_connections(destination, part)
    return connections * PER_CONNECTION if is_guess or not connections else inf


def _by_warm_up(
    spooler: Spooler, mails: Mapping[str, int], start_at: datetime, now: datetime
) -> Iterator[datetime | None]:
    plan = None if spooler.domain is None else warm_ups.of_domain(spooler.domain)
    if plan is not None:
        for provider, count in mails.items():
            yield warm_ups.room_at(plan, provider, count, start_at=start_at, now=now)


def _by_limits(account_id: int, total: int, start_at: datetime, now: datetime) -> Iterator[datetime | None]:
    """What is counted now may have left each window when the campaign starts: then only its own mails count."""
    for window in limits.windows(account_id, figure="delivered", now=now):
        if total <= window.left:
            continue
        room = limits.room_at(account_id, window, total, figure="delivered", now=now)
        if room is None or start_at == now:
            yield room
        else:
            rounds = (total - 1) // window.limit
            yield max(room, start_at + window.span * rounds)
