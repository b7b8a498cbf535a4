"""The control tick: what nobody asks for. Every part is bounded, repeatable, and cheap when there is nothing to do."""

from __future__ import annotations

from datetime import datetime, timedelta

from earwig.web import idempotency
from spooling import (
    attempts,
    data_requests,
    heartbeats,
    hosts,
    jobs,
    ledger,
    privacy,
    spoolers,
    trap,
    warm_ups,
)
from spooling.campaigns import brakes, recipient_imports, staleness
from spooling.delivery import salvage, shaping
from spooling.inbound import failures
from spooling.outbox import rescue, sweeps
from spooling.reports import files as reports
from spooling.stages import estimates, orders, runs
from stats import webhooks

#: How far back the tick looks for mail that woke nobody, and how far the slower round does.
RECENTLY, LONG_AGO = timedelta(minutes=5), timedelta(days=7)


def tick(*, now: datetime) -> None:
    """Once a second: rescue, doubts, what is late or cancelled, handed-over messages, reports of failures, jobs."""
    heartbeats.beat(heartbeats.CONTROL, now=now)
    salvage.rescue_host(hosts.new_worker(), now=now)
    sweeps.resolve_doubts(now=now)
    sweeps.expire(now=now)
    sweeps.cancel_rows(now=now)
    sweeps.wake_backlogs(since=now - RECENTLY, now=now)
    staleness.stop_stale(now=now)
    brakes.apply(now=now)
    spoolers.end_done(now=now)
    attempts.spool_due(now=now)
    attempts.collect(now=now)
    failures.tell(now=now)
    jobs.run_due(now=now)


def tidy(*, now: datetime) -> None:
    """Once a minute: lost hosts, journals without a claim, the ledger's old increments, retention."""
    # This host's own first: when the database was away for long, all leases are overdue at once.
    salvage.rescue_host(hosts.new_worker(), now=now)
    rescue.doubt_lost_hosts(now=now)
    salvage.sweep(hosts.new_worker(), now=now)
    sweeps.wake_backlogs(since=now - LONG_AGO, now=now)
    ledger.merge(now=now)
    attempts.tidy(now=now)
    privacy.tidy(now=now)
    idempotency.prune(now)
    trap.prune(now=now)
    shaping.prune(now=now)
    warm_ups.prune(now=now)
    estimates.ask_for_all(now=now)
    orders.prune(now=now)
    runs.prune(now=now)
    recipient_imports.prune(now=now)
    reports.tidy(now=now)
    data_requests.tidy(now=now)
    webhooks.prune(now=now)
