"""The drain: one worker's half minute of sending. Its own thread turns the SMTP loop; the supply brings claimed mail,
the settler takes results back. No transaction is open while a socket is.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Sequence
from itertools import islice

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.utils import timezone

from spooling import errors, hosts
from spooling.delivery import letters, lines, outages, shaping, smtp, steps, verdicts
from spooling.delivery.consignments import Delivery, Holder, Parcel, Returns
from spooling.delivery.journal import Answer, Journal
from spooling.delivery.line_table import Lines
from spooling.delivery.lines import Line
from spooling.delivery.settler import Settler
from spooling.delivery.supply import Supply
from spooling.outbox import claims
from spooling.outbox.values import Result

#: Results are settled together once so many wait, or the oldest has waited so long.
SETTLE_COUNT = 500
SETTLE_SECONDS = 0.1
#: How often the lines of direct routers are looked over.
TIDY_SECONDS = 1.0
#: How long the loop sleeps when nothing is under way; new mail wakes it.
IDLE_SECONDS = 0.2
#: Connections that may break under one mail before that counts as its own failure.
MOST_UNTOUCHED = 3
#: How long a drain that is over waits for replies before it takes new mail again.
WIND_DOWN_SECONDS = 2.0

Stop = Callable[[], bool]

log = logging.getLogger(__name__)


class Drain:
    """Sends a lane's due mail until its time is over. One instance, one run."""

    def __init__(self, lane: str, *, seconds: float, stop: Stop = lambda: False) -> None:
        self.lane, self.seconds, self._stop = lane, seconds, stop
        self.worker = hosts.new_worker()
        self.sent = 0
        self._batch: int = settings.DELIVERY_BATCH
        self._in_flight: dict[int, tuple[Line, Parcel]] = {}
        self._answers: list[Answer] = []
        self._lost_lease = self._unwritable = False
        self._letters = letters.Letters()
        self._journal = Journal(hosts.journals(), self.worker.name)
        self._loop = smtp.Loop(self._gate, self._report)
        granted: dict[Holder, int] = {}
        self._lines = Lines(self._loop, self._batch, self._feed, granted)
        self._supply = Supply(lane, self.worker, self._letters, self._lines, granted)
        self._supply.on_delivery = self._loop.wake
        self._tidied_at = time.monotonic()
        self._settler = Settler(lane)

    def run(self) -> int:
        """Drain; answers how many mails got a reply. Returns early when `stop` says so.

        Whatever happens, each claimed mail is settled or its journal stays for rescue.
        """
        self._supply.start()
        self._settler.start()
        try:
            self._turn_until_over()
            # What a server keeps waiting before its body goes back too.
            self._loop.close()
            self._give_back()
        finally:
            self._end()
        return self.sent

    def _turn_until_over(self) -> None:
        over_at = time.monotonic() + self.seconds
        while not self._lost_lease:
            now = time.monotonic()
            if self._unwritable:
                over_at = min(over_at, now)
            stop = self._stop()
            if now >= over_at or stop:
                self._supply.pause()
                over_at, late = min(over_at, now), now >= over_at + WIND_DOWN_SECONDS
                if not self._in_flight or late and (self._unwritable or stop and not self._loop.bodies_open):
                    return
                if late and not stop:
                    # A server keeps its reply back. The others' mail does not wait for it.
                    over_at = now + self.seconds
                    self._supply.resume()
            self._turn()

    def _turn(self) -> None:
        if not (self._supply.is_alive() and self._settler.is_alive()):
            raise RuntimeError("a thread of the drain has died; its own traceback is above")
        self._take_deliveries()
        self._loop.turn(SETTLE_SECONDS if self._in_flight else IDLE_SECONDS)
        if self._answers:
            self._write_journal([])
        self._check_faults()
        self._hand_over(force=False)
        now = time.monotonic()
        if now - self._tidied_at > TIDY_SECONDS:
            self._tidied_at = now
            self._lines.tidy()

    def _take_deliveries(self) -> None:
        while True:
            try:
                delivery = self._supply.deliveries.get_nowait()
            except queue.Empty:
                return
            self._take(delivery)

    def _take(self, delivery: Delivery) -> None:
        if delivery.size:
            self._settler.expect(delivery.claim_id, delivery.size)
        if delivery.decided:
            decided = Returns(None, delivery.decided, delivery.refusals, delivery.unspent)
            self._settler.put(decided)
        for parcel in delivery.parcels:
            self._lines.of(parcel).parcels.append(parcel)

    def _feed(self, line: Line) -> smtp.Message | None:
        """The next message of a line; what may no longer be sent, or cannot be built, is settled instead."""
        parcels = line.parcels
        while parcels and not self._unwritable:
            parcel = parcels.popleft()
            if len(parcels) == self._batch - 1 or not parcels:
                self._supply.hungry.set()
            message = self._message(line, parcel)
            if message is not None:
                self._in_flight[parcel.mail.id] = line, parcel
                return message
        return None

    def _message(self, line: Line, parcel: Parcel) -> smtp.Message | None:
        mail = parcel.mail
        if mail.spooler_id in self._supply.halted or mail.not_after is not None:
            decision = steps.decide(mail, self._present())
            if decision is not None:
                line.unspend(parcel)
                self._return(line, decision.result(mail.id, parcel.claim_id))
                return None
        if parcel.message is None:
            self._make([parcel, *islice(line.parcels, line.made_together - 1)])
        message, parcel.message = parcel.message, None
        if isinstance(message, errors.ContentUnusable):
            why = verdicts.without_addresses(str(message))
            line.unspend(parcel)
            self._return(line, Result(mail.id, parcel.claim_id, "quarantined", "quarantined", 0, why))
            return None
        return message

    def _make(self, parcels: Sequence[Parcel]) -> None:
        made = self._letters.messages([(parcel.mail, parcel.content) for parcel in parcels], int(time.time()))
        # Only as many as fit into memory were made.
        for parcel, message in zip(parcels, made, strict=False):
            parcel.message = message

    def _present(self) -> steps.Situation:
        """What can have changed since the batch was claimed."""
        return steps.Situation(
            now=timezone.now(),
            halted=self._supply.halted,
            suppressed={},
            over_limit=frozenset(),
            erased_contents=frozenset(),
        )

    def _gate(self, begun: list[int]) -> bool:
        """Whether these bodies may go out: the journal has them, and the lease holds.

        In this order: whoever reads the journal of a worker stopped past its lease finds all that it can still send.
        """
        if not self._write_journal(begun):
            return False
        if self._lost_lease or time.clock_gettime(time.CLOCK_BOOTTIME) >= self._supply.leased_until:
            self._lost_lease = True
        return not self._lost_lease

    def _write_journal(self, begun: list[int]) -> bool:
        """Whether it is written. After one failure nothing is, and this drain only takes replies and gives mail back."""
        answers, self._answers = self._answers, []
        if not self._unwritable:
            try:
                self._journal.append(begun, answers)
            except OSError:
                log.exception("The journal cannot be written; sending stops.")
                self._unwritable = True
        return not self._unwritable

    def _report(self, mail_id: int, outcome: smtp.Outcome) -> None:
        line, parcel = self._in_flight.pop(mail_id)
        self._answers.append(Answer(mail_id, outcome.verdict.value[0], outcome.code))
        if outcome.verdict is smtp.Verdict.UNTOUCHED and parcel.untouched < MOST_UNTOUCHED:
            line.put_back(parcel, outcome)
            return
        if outcome.verdict is smtp.Verdict.UNTOUCHED:
            line.unspend(parcel)
        self.sent += 1
        if outcome.verdict is smtp.Verdict.PERMANENT:
            line.returns.refusals.append(lines.refusal_of(parcel, outcome))
        self._return(line, lines.result_of(parcel, outcome, now=timezone.now()))

    def _return(self, line: Line, result: Result) -> None:
        if not line.returns.results:
            line.oldest = time.monotonic()
        line.returns.results.append(result)

    def _check_faults(self) -> None:
        for line in self._lines:
            fault = line.pool.fault if line.pool else None
            if fault is None:
                line.rested_after = 0
            elif line.parcels and fault.consecutive >= line.rested_after + line.faults_to_rest:
                line.rested_after = fault.consecutive
                line.returns.fault = f"{fault.stage}: {fault.code} {verdicts.without_addresses(fault.text)}"
                self._empty(line)

    def _empty(self, line: Line) -> None:
        """Put a line's waiting parcels back into the outbox."""
        now = timezone.now()
        while line.parcels:
            parcel = line.parcels.popleft()
            line.unspend(parcel)
            self._return(line, lines.given_back(parcel, fault=line.returns.fault, now=now))

    def _hand_over(self, *, force: bool) -> None:
        now = time.monotonic()
        for line in self._lines:
            waiting = len(line.returns.results)
            ripe = waiting >= SETTLE_COUNT or (waiting and now - line.oldest >= SETTLE_SECONDS)
            if ripe or (force and waiting) or line.returns.fault:
                self._settler.put(line.returns)
                line.returns = line.fresh_returns()

    def _give_back(self) -> None:
        """Return what was claimed and not sent. A drain that lost its lease drops it: rescue has it, or will."""
        self._supply.stop()
        self._supply.join()
        self._take_deliveries()
        if not self._lost_lease:
            for line in self._lines:
                self._empty(line)

    def _end(self) -> None:
        self._supply.stop()
        self._loop.close()
        if self._answers:
            self._write_journal([])
        self._hand_over(force=True)
        if self._lost_lease:
            self._settler.abandon()
        self._settler.finish()
        self._supply.join()
        if self._let_go():
            self._journal.discard()
        else:
            self._journal.close()

    def _let_go(self) -> bool:
        """Free the connections; whether nothing of this worker's claims is left, so that nobody needs its journal.

        The database is asked too: a claim whose answer a fault cut off is known to nobody else.
        """
        close_old_connections()
        try:
            shaping.release_connections(self.worker.name)
            return self._settler.done and not claims.held(self.worker.name)
        except (OperationalError, InterfaceError) as error:
            log.warning(
                "The database is away at the end of a drain; its journal stays.",
                extra=outages.fault_of(error),
            )
            connection.close()
            return False
