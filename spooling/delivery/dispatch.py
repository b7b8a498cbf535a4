"""Mail of direct routers on its way to a line: its domain looked up, the connections to its site leased, its rate kept.

Part of the supply, in its thread. What cannot leave now waits in the outbox at no cost, so that nothing piles up here.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings

from earwig import addresses
from spooling import routers
from spooling.delivery import exchanges, lines, mx, shaping, smtp
from spooling.delivery.consignments import Delivery, Holder, Key, Parcel, Site
from spooling.delivery.exchanges import Policy, Unroutable
from spooling.outbox.values import Result, Worker
from spooling.routers import Destination
from stats import providers

#: Of any domain's mails, how many wait at a line; more of them wait in the outbox, so that there is room for others'.
MOST_WAITING = 100
#: When what found a line full is looked at again, at the least; and how fast a line is thought to become empty.
FULL_REST = timedelta(seconds=5)
SECONDS_EACH = 0.1
#: How long a part keeps its connections that no mail is under way to.
WANTED_SECONDS = 3.0
#: Nothing waits longer than that for its turn.
LONGEST_WAIT = timedelta(hours=1)

#: Said of mail that waited for its servers for as long as it may.
UNREACHABLE = Unroutable(
    code=554, enhanced="5.4.1", text="The domain's servers could not be reached in time."
)

Servers = tuple[exchanges.Exchange, ...] | Unroutable


class Waiting(Protocol):
    """The drain's lines, as seen from here."""

    def waiting(self, key: Key) -> int: ...

    def parts(self, router_id: int) -> set[str]: ...


class Dispatch:
    """Knows where direct mail goes, and what waits to be looked up."""

    def __init__(
        self,
        lane: str,
        worker: Worker,
        lines_: Waiting,
        granted: dict[Holder, int],
        on_answer: Callable[[], None],
    ) -> None:
        self._lane, self._worker, self._lines, self._granted = lane, worker, lines_, granted
        self._lookups = mx.Lookups(on_answer)
        self._asked: dict[tuple[int, str], list[Parcel]] = {}
        #: When mail was last sent to a part of a router.
        self._wanted: dict[tuple[int, str], float] = {}
        #: When the next mail that finds a line full, or its rate used up, has its turn.
        self._turns: dict[Key, datetime] = {}

    @property
    def asked(self) -> int:
        """Mails whose domain is being looked up."""
        return sum(map(len, self._asked.values()))

    def add(self, parcels: Iterable[Parcel]) -> None:
        """These are to go where their domains say. Asks nobody yet."""
        for parcel in parcels:
            domain = addresses.domain_of(parcel.mail.email)
            self._asked.setdefault((parcel.destination.id, domain), []).append(parcel)

    def answered(self, *, now: datetime) -> Delivery | None:
        """What may be sent, or not, of what is known by now; None for nothing.

        If the database goes away meanwhile, all of it is still here.
        """
        known: dict[tuple[int, str], Servers] = {}
        for way in self._asked:
            answer = self._lookups.find(way[1])
            if answer is not None:
                known[way] = answer.servers
        if not known:
            return None
        delivery = Delivery(0, 0)
        self._send(known, delivery, now)
        for way in known:
            del self._asked[way]
        return delivery

    def give_up(self) -> Delivery:
        """The drain ends: what is still being looked up goes back."""
        delivery = Delivery(0, 0)
        for parcel in [parcel for group in self._asked.values() for parcel in group]:
            _hold(delivery, parcel, None)
        self._asked.clear()
        self._lookups.close()
        return delivery

    def renew(self, destination: Destination, *, now: datetime) -> None:
        """Lease the connections to the parts in use anew, and let the others go."""
        self._wanted = {
            part: at for part, at in self._wanted.items() if time.monotonic() - at < WANTED_SECONDS
        }
        wanted = {part for router_id, part in self._wanted if router_id == destination.id}
        held = {
            holder[1] for holder in self._granted if isinstance(holder, tuple) and holder[0] == destination.id
        }
        in_use = self._lines.parts(destination.id) | wanted
        if idle := held - in_use:
            shaping.release_parts(destination.id, idle, self._worker.name)
            for part in idle:
                del self._granted[destination.id, part]
        if in_use:
            self._lease(destination, in_use, now)
        self._turns = {key: turn for key, turn in self._turns.items() if turn > now}

    def _lease(self, destination: Destination, parts: Iterable[str], now: datetime) -> None:
        granted = shaping.lease_parts(destination, sorted(parts), self._worker.name, lane=self._lane, now=now)
        self._granted.update({(destination.id, part): each for part, each in granted.items()})

    def _send(self, known: Mapping[tuple[int, str], Servers], delivery: Delivery, now: datetime) -> None:
        sites: defaultdict[Key, list[Parcel]] = defaultdict(list)
        resting = routers.table().resting
        for way, servers in known.items():
            group = self._asked[way]
            site = _site_of(group[0], way[1], servers)
            if isinstance(site, Unroutable):
                _return(delivery, group, site, now)
            elif (until := resting.get((site.router_id, site.name))) and until > now:
                _let_rest(delivery, group, until, now)
            else:
                for parcel in group:
                    parcel.site = site
                sites[site.key] += group
        self._lease_missing(sites.values(), now)
        for group in sites.values():
            self._send_to_site(group, delivery, now)

    def _lease_missing(self, groups: Iterable[Sequence[Parcel]], now: datetime) -> None:
        missing: defaultdict[Destination, set[str]] = defaultdict(set)
        for parcel in (group[0] for group in groups):
            if parcel.site is None:
                continue
            self._wanted[parcel.site.holder] = time.monotonic()
            if not self._granted.get(parcel.site.holder):
                missing[parcel.destination].add(parcel.site.part)
        for destination, parts in missing.items():
            self._lease(destination, parts, now)

    def _send_to_site(self, group: list[Parcel], delivery: Delivery, now: datetime) -> None:
        site, destination = group[0].site, group[0].destination
        assert site is not None
        if not self._granted[site.holder]:
            # Other workers have all connections: they, or this one in its turn, take it soon.
            for parcel in group:
                _hold(delivery, parcel, now + FULL_REST * random.uniform(0.5, 1.5))
            return
        room = len(group)
        if site.provider == providers.OTHER:
            room = max(0, min(room, MOST_WAITING - self._lines.waiting(site.key)))
        if site.part != site.provider:
            room = shaping.take_rate(destination, wanted=room, now=now, part=site.part)
        delivery.parcels += group[:room]
        self._postpone(group[room:], shaping.per_minute(destination, site.part), delivery, now)

    def _postpone(
        self, late: Sequence[Parcel], per_minute: int | None, delivery: Delivery, now: datetime
    ) -> None:
        """Give each its turn, so that it is claimed about once more and not with every batch."""
        if not late or late[0].site is None:
            return
        key = late[0].site.key
        each = timedelta(seconds=60 / max(per_minute, 1) if per_minute is not None else SECONDS_EACH)
        turn = max(self._turns.get(key, now), now + FULL_REST)
        for parcel in late:
            _hold(delivery, parcel, min(turn, now + LONGEST_WAIT))
            turn += each
        self._turns[key] = turn


def _site_of(parcel: Parcel, domain: str, servers: Servers) -> Site | Unroutable:
    if isinstance(servers, Unroutable):
        return servers
    destination, provider = parcel.destination, parcel.mail.provider
    own_names = frozenset({destination.helo_name.lower(), settings.INBOUND_HOST.lower()})
    policy = Policy(own_names=own_names, allow_private=destination.allow_private)
    reachable = exchanges.reachable(servers, policy)
    if isinstance(reachable, Unroutable):
        return reachable
    name = exchanges.name_of(reachable)
    if domain in destination.limits:
        part = domain
    else:
        part = name if provider == providers.OTHER else provider
    return Site(router_id=destination.id, part=part, name=name, provider=provider, exchanges=reachable)


def _hold(delivery: Delivery, parcel: Parcel, due_at: datetime | None) -> None:
    """It waits, at no cost."""
    delivery.decided.append(Result(parcel.mail.id, parcel.claim_id, "waiting", due_at=due_at))
    _unspend(delivery, parcel)


def _let_rest(delivery: Delivery, group: Iterable[Parcel], until: datetime, now: datetime) -> None:
    """Its servers could not be reached of late: nobody tries before `until`, but the time to give up runs."""
    for parcel in group:
        mail = parcel.mail
        give_up_at = mail.give_up_at or now + settings.RETRY_HORIZONS[mail.lane]
        if until > give_up_at:
            _return(delivery, [parcel], UNREACHABLE, now)
        else:
            delivery.decided.append(
                Result(mail.id, parcel.claim_id, "waiting", due_at=until, give_up_at=give_up_at)
            )
            _unspend(delivery, parcel)


def _return(delivery: Delivery, group: Iterable[Parcel], why: Unroutable, now: datetime) -> None:
    """As if a server had said so."""
    permanent = why.code // 100 == 5
    verdict = smtp.Verdict.PERMANENT if permanent else smtp.Verdict.TEMPORARY
    outcome = smtp.Outcome(verdict, why.code, f"{why.enhanced} {why.text}", "rcpt", why.enhanced)
    for parcel in group:
        delivery.decided.append(lines.result_of(parcel, outcome, now=now))
        if permanent:
            delivery.refusals.append(lines.refusal_of(parcel, outcome))
        _unspend(delivery, parcel)


def _unspend(delivery: Delivery, parcel: Parcel) -> None:
    if parcel.spent is not None:
        delivery.unspent.append(parcel.spent)
