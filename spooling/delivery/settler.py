"""The drain's thread that settles results: rows, events and ledger in one transaction for many replies."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Iterable

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from spooling import routers, suppressions, warm_ups
from spooling.delivery import outages, shaping
from spooling.delivery.consignments import Holder, Returns
from spooling.outbox import claims, settlements
from spooling.outbox.values import Result

#: Pause between tries while the database is away.
RETRY_SECONDS = 0.3
#: How often a router's answers adjust its pace.
PACE_SECONDS = 60.0

log = logging.getLogger(__name__)


class Settler(threading.Thread):
    """Takes `Returns` and settles them, however long the database is away; closes claims whose mails are all settled."""

    def __init__(self, lane: str) -> None:
        super().__init__(name=f"settler-{lane}", daemon=True)
        self._inbox: queue.SimpleQueue[Returns | None] = queue.SimpleQueue()
        self._open: Counter[int] = Counter()
        self._abandoned = False
        #: Claims of which some result moved nothing: settled before, or taken away.
        self._uneven: set[int] = set()
        self._pace_at = time.monotonic()
        self._answers: dict[Holder, Counter[str]] = {}
        #: Routers and sites that were put to rest, by whether they have not delivered since.
        self._rested: dict[tuple[int, str], bool] = {}

    def expect(self, claim_id: int, mails: int) -> None:
        """So many results of this claim will come."""
        self._open[claim_id] += mails

    def put(self, returns: Returns) -> None:
        self._inbox.put(returns)

    @property
    def done(self) -> bool:
        """Whether everything expected is settled."""
        return not self._open

    def finish(self) -> None:
        """Settle what was put, then end. Returns when it has, or when the lease is lost and `abandon` was called."""
        self._inbox.put(None)
        self.join()

    def abandon(self) -> None:
        """Give up waiting for the database: the journal tells rescue what was answered."""
        self._abandoned = True

    def run(self) -> None:
        try:
            while (returns := self._inbox.get()) is not None:
                while not self._try(returns) and not self._abandoned:
                    time.sleep(RETRY_SECONDS)
            self._adjust_pace_at_last()
        finally:
            connection.close()

    def _try(self, returns: Returns) -> bool:
        try:
            self._settle(returns)
        except (OperationalError, InterfaceError) as error:
            log.warning(
                "The database did not take results; they stay in the journal.", extra=outages.fault_of(error)
            )
            connection.close()
            return False
        return True

    def _settle(self, returns: Returns) -> None:
        now = timezone.now()
        destination = returns.destination
        # Refusals first: if the settlement after them fails, both are done again, and a suppression is the same twice.
        suppressions.note_refusals(returns.refusals, now=now)
        moved = settlements.settle(
            returns.results,
            router_id=destination.id if destination else None,
            router_name=destination.name if destination else "",
            now=now,
        )
        if destination is not None:
            self._note_answers(destination, returns)
        if returns.unspent:
            warm_ups.give_back(Counter(returns.unspent))
            # Once, whatever follows.
            returns.unspent.clear()
        self._close(returns.results, whole=moved == len(returns.results))

    def _close(self, results: Iterable[Result], *, whole: bool) -> None:
        counts = Counter(result.claim_id for result in results)
        if not whole:
            self._uneven |= counts.keys()
        done = [claim_id for claim_id, count in counts.items() if self._open[claim_id] == count]
        if even := [claim_id for claim_id in done if claim_id not in self._uneven]:
            claims.drop(even)
        if uneven := [claim_id for claim_id in done if claim_id in self._uneven]:
            claims.close(uneven)
            self._uneven.difference_update(uneven)
        # Only now: after a fault in between the same results come again, and then move nothing.
        for claim_id, count in counts.items():
            self._open[claim_id] -= count
        for claim_id in done:
            del self._open[claim_id]

    def _note_answers(self, destination: routers.Destination, returns: Returns) -> None:
        site = returns.site
        kinds = self._answers.setdefault(site.holder if site else destination.id, Counter())
        kinds.update(result.kind for result in returns.results)
        self._note_faults(destination, returns, site.name if site else routers.ALL_PROVIDERS)
        if time.monotonic() - self._pace_at > PACE_SECONDS:
            self._adjust_pace()

    def _note_faults(self, destination: routers.Destination, returns: Returns, part: str) -> None:
        way = destination.id, part
        if returns.fault:
            routers.defer(destination.id, part=part, fault=returns.fault, now=timezone.now())
            self._rested[way] = True
        elif self._is_rested(way):
            if any(result.kind == "delivered" for result in returns.results):
                routers.recover(destination.id, part=part)
                self._rested[way] = False

    def _is_rested(self, way: tuple[int, str]) -> bool:
        if way not in self._rested:
            self._rested[way] = way in routers.table().resting
        return self._rested[way]

    def _adjust_pace_at_last(self) -> None:
        """What is not noted because the database is away is not missed."""
        try:
            self._adjust_pace()
        except (OperationalError, InterfaceError) as error:
            log.warning("The database took no pace.", extra=outages.fault_of(error))

    def _adjust_pace(self) -> None:
        self._pace_at = time.monotonic()
        answers, self._answers = self._answers, {}
        for holder, counted in answers.items():
            router_id, part = holder if isinstance(holder, tuple) else (holder, routers.ALL_PROVIDERS)
            shaping.note_answers(router_id, part=part, sent=counted["delivered"], refused=counted["tempfail"])
