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

from spooling import routers, suppressions
from spooling.delivery import outages, shaping
from spooling.delivery.consignments import Returns
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
        self._answers: dict[int, Counter[str]] = {}
        #: Routers that were put to rest and have not delivered since.
        self._rested: dict[int, bool] = {}

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
        kinds = self._answers.setdefault(destination.id, Counter())
        kinds.update(result.kind for result in returns.results)
        if returns.fault:
            routers.defer(destination.id, fault=returns.fault, now=timezone.now())
            self._rested[destination.id] = True
        elif self._rested.get(destination.id, destination.deferred_until is not None):
            if any(result.kind == "delivered" for result in returns.results):
                routers.recover(destination.id)
                self._rested[destination.id] = False
        if time.monotonic() - self._pace_at > PACE_SECONDS:
            self._pace_at = time.monotonic()
            for router, counted in self._answers.items():
                shaping.note_answers(router, sent=counted["delivered"], refused=counted["tempfail"])
            self._answers.clear()
