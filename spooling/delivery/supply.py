"""The drain's thread that brings mail: claims, looks up what the steps need, renews leases, rescues the dead."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models import Q
from django.utils import timezone

from spooling import heartbeats, limits, routers, suppressions
from spooling.delivery import outages, quotas, salvage, shaping, steps
from spooling.delivery.compiled import Compiled
from spooling.delivery.consignments import Delivery, Holder, Parcel
from spooling.delivery.dispatch import Dispatch
from spooling.delivery.letters import Letters
from spooling.delivery.line_table import Lines
from spooling.models import Spooler
from spooling.models.spoolers import Lane
from spooling.outbox import claims
from spooling.outbox.backlogs import Backlogs, Place
from spooling.outbox.values import Batch, Claimed, Order, Worker
from stats import providers

#: How often the drain looks for mail when it has none.
POLL_SECONDS = 0.2
#: How often the states of spoolers in hand are read: what is paused stops within this time.
STATES_SECONDS = 1.0
RESCUE_SECONDS = 2.0
BEAT_SECONDS = 5.0
#: When a mail is looked at again for which no router is set up.
NO_ROUTER_REST = timedelta(minutes=1)
#: How often a drain whose lines are all full looks whether mail for yet another router is due.
OTHER_ROUTERS_SECONDS = 0.5
#: How often connections are leased anew: a worker that joins has its share after this long.
SLOTS_SECONDS = 1.0

log = logging.getLogger(__name__)


class Supply(threading.Thread):
    """Keeps a batch claimed ahead of what each line sends; hands it over in `deliveries`."""

    def __init__(
        self, lane: str, worker: Worker, letters: Letters, lines: Lines, granted: dict[Holder, int]
    ) -> None:
        super().__init__(name=f"supply-{lane}", daemon=True)
        self.deliveries: queue.SimpleQueue[Delivery] = queue.SimpleQueue()
        #: Seconds of CLOCK_BOOTTIME until which this worker's leases surely hold.
        self.leased_until = 0.0
        self.halted: dict[int, str] = {}
        self.hungry = threading.Event()
        self.on_delivery: Callable[[], None] = lambda: None
        self.lane, self.worker = lane, worker
        self._letters, self._lines, self._granted = letters, lines, granted
        self._dispatch = Dispatch(lane, worker, lines, granted, self.hungry.set)
        self._backlogs = Backlogs(lane, lambda provider: routers.table().own(provider))
        self._claiming, self._running = threading.Event(), True
        self._claiming.set()
        self._last: dict[str, float] = {}
        self._in_hand: set[int] = set()
        self._claimed: Batch | None = None

    def pause(self) -> None:
        """Claim nothing more for now; leases go on being renewed."""
        self._claiming.clear()

    def resume(self) -> None:
        self._claiming.set()

    def stop(self) -> None:
        """End the thread; what it handed over is the caller's."""
        self._running = False
        self.hungry.set()

    def run(self) -> None:
        try:
            while self._running:
                self._round_or_rest()
            self.deliveries.put(self._dispatch.give_up())
        finally:
            connection.close()

    def _round_or_rest(self) -> None:
        try:
            found = self._round()
        except (OperationalError, InterfaceError) as error:
            # The database is away: nothing is claimed, leases run out, what was answered waits in the journal.
            log.warning("The database did not answer the supply of mail.", extra=outages.fault_of(error))
            connection.close()
            found = False
        if not found:
            self.hungry.wait(POLL_SECONDS)
            self.hungry.clear()

    def _round(self) -> bool:
        """One look; True when mail was claimed."""
        if self._is_time("renew", settings.LEASE_SECONDS / 4):
            self.renew()
        if self._is_time("rescue", RESCUE_SECONDS):
            salvage.rescue_host(self.worker, now=timezone.now())
        if self._is_time("beat", BEAT_SECONDS):
            heartbeats.beat(self.lane, now=timezone.now())
        if self._is_time("states", STATES_SECONDS):
            self._read_states()
        if self._is_time("slots", SLOTS_SECONDS):
            self._renew_slots()
        looked_up = self._dispatch.answered(now=timezone.now())
        if looked_up is not None:
            self._put(looked_up)
        return self._hand_over(timezone.now()) or (self._claiming.is_set() and self._claim())

    def _is_time(self, what: str, every: float) -> bool:
        now = time.monotonic()
        if now - self._last.get(what, 0.0) < every:
            return False
        self._last[what] = now
        return True

    def renew(self) -> None:
        """Push all leases of this worker on, unless they ended: then its claims may be another's by now.

        The local deadline counts from before the statement was sent.
        """
        before = time.clock_gettime(time.CLOCK_BOOTTIME)
        if 0 < self.leased_until <= before:
            return
        claims.renew(self.worker.name, lease_seconds=settings.LEASE_SECONDS)
        self.leased_until = before + settings.LEASE_SECONDS

    def _read_states(self) -> None:
        # The lane's claim needs all that are halted, a spooler's only those in hand.
        concerned = Q(lane=self.lane) if self.lane == Lane.TRANSACTIONAL else Q(pk__in=self._in_hand)
        halted = Spooler.objects.filter(concerned).halted(timezone.now())
        self.halted = dict(halted.values_list("id", "state"))

    def _renew_slots(self) -> None:
        for router_id in [holder for holder in self._granted if isinstance(holder, int)]:
            destination = routers.table().destinations.get(router_id)
            if destination is not None:
                self._lease_connections(destination)
                if destination.direct:
                    self._dispatch.renew(destination, now=timezone.now())

    def _lease_connections(self, destination: routers.Destination) -> None:
        self._granted[destination.id] = shaping.lease_connections(
            destination, self.worker.name, lane=self.lane, now=timezone.now()
        )

    def _claim(self) -> bool:
        if self._lines.full() and not self._is_time("other routers", OTHER_ROUTERS_SECONDS):
            return False
        now = timezone.now()
        for place in self._backlogs.due(now=now):
            size = self._size(place, now)
            if size and self._claim_at(place, size, now):
                return True
        return False

    def _size(self, place: Place, now: datetime) -> int:
        """How many mails of this place there is room and leave for."""
        destination = routers.table().choose(place.account_id, place.provider)
        if destination is None or destination.rests(now):
            return 0
        room = self._lines.room(destination, place.provider)
        if not room or self._dispatch.asked >= room:
            return 0
        if not self._granted.get(destination.id):
            self._lease_connections(destination)
        if not self._granted[destination.id]:
            return 0
        size = shaping.take_rate(destination, wanted=room, now=now)
        if not size or destination.direct and place.provider == providers.OTHER:
            # What the rates of its many sites leave is only known when they were looked up.
            return size
        return shaping.take_rate(destination, wanted=size, now=now, part=place.provider)

    def _claim_at(self, place: Place, size: int, now: datetime) -> bool:
        order = Order(
            lane=self.lane,
            provider=place.provider,
            worker=self.worker,
            size=size,
            lease_seconds=settings.LEASE_SECONDS,
            spooler_id=place.spooler_id,
            halted=tuple(self.halted) if place.spooler_id is None else (),
            accounts=place.accounts,
            strangers=place.strangers,
            floor=place.floor,
        )
        self._claimed = claims.claim(order, now=now)
        self._backlogs.note(place, self._claimed)
        return self._hand_over(now)

    def _hand_over(self, now: datetime) -> bool:
        """Hand the claimed batch over; tried again next time when the database goes away meanwhile."""
        if self._claimed is None:
            return False
        direct: list[Parcel] = []
        self._put(self._deliver(self._claimed, direct, now))
        self._dispatch.add(direct)
        self._claimed = None
        return True

    def _put(self, delivery: Delivery) -> None:
        self.deliveries.put(delivery)
        self.on_delivery()

    def _deliver(self, batch: Batch, direct: list[Parcel], now: datetime) -> Delivery:
        """All but what goes to the recipients' own servers, which `direct` gets."""
        contents = self._letters.load(batch.mails)
        self._in_hand |= {mail.spooler_id for mail in batch.mails}
        situation = self._situation(batch.mails, contents, now)
        table = routers.table()
        delivery = Delivery(batch.claim_id, len(batch.mails))
        for mail in batch.mails:
            destination = table.choose(mail.account_id, mail.provider)
            decision = steps.decide(mail, situation) or _wait_for(destination, now)
            if decision is not None:
                delivery.decided.append(decision.result(mail.id, batch.claim_id))
            elif destination is not None:
                if destination.id not in self._granted:
                    # The lane was claimed for another router: this one's connections were not asked for yet.
                    self._lease_connections(destination)
                parcel = Parcel(mail, batch.claim_id, destination, contents[mail.content_id])
                (direct if destination.direct else delivery.parcels).append(parcel)
        quotas.keep(delivery, direct, now=now)
        return delivery

    def _situation(
        self, mails: list[Claimed], contents: Mapping[int, Compiled], now: datetime
    ) -> steps.Situation:
        found = suppressions.reasons(mails, now=now)
        return steps.Situation(
            now=now,
            halted=self.halted,
            suppressed={mail.id: reason for mail, reason in zip(mails, found, strict=True) if reason},
            over_limit=set(_over_limit(mails, now)),
            erased_contents={content_id for content_id, content in contents.items() if content.erased},
        )


def _wait_for(destination: routers.Destination | None, now: datetime) -> steps.Decision | None:
    """Where the way out is missing or rests, the mail waits at no cost."""
    if destination is None:
        return steps.Decision("waiting", due_at=now + NO_ROUTER_REST)
    return steps.Decision("waiting", due_at=destination.deferred_until) if destination.rests(now) else None


def _over_limit(mails: Iterable[Claimed], now: datetime) -> Iterable[int]:
    by_account: dict[int, list[int]] = {}
    for mail in mails:
        by_account.setdefault(mail.account_id, []).append(mail.id)
    for account_id, ids in by_account.items():
        yield from ids[limits.take(account_id, len(ids), figure="delivered", now=now) :]
