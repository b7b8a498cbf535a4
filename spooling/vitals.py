"""What says how well the installation is: for readiness, and for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Sum
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from earwig.models import Account
from spooling import heartbeats, ledger
from spooling.models import Backlog, JobRequest, LedgerDelta, Pending
from spooling.models.jobs import JobState
from spooling.models.mails import MailState
from spooling.models.spoolers import Lane
from stats import webhooks
from stats.metrics import SUM
from stats.models import MetricSample


def oldest_due_seconds(*, now: datetime) -> dict[str, int]:
    """For each lane how long the mail has waited that should have left first; 0: none waits."""
    # Bulk's backlog notes say it without a look at a campaign's million rows.
    waiting = Pending.objects.filter(state=MailState.WAITING, lane=Lane.TRANSACTIONAL, due_at__lte=now)
    oldest = {
        Lane.TRANSACTIONAL: waiting.aggregate(at=Min("due_at"))["at"],
        Lane.BULK: Backlog.objects.filter(next_due_at__lte=now).aggregate(at=Min("next_due_at"))["at"],
    }
    return {lane.value: int((now - (at or now)).total_seconds()) for lane, at in oldest.items()}


def metrics(*, now: datetime) -> Iterator[Metric]:
    """Everything that Prometheus gets, read when it asks: some grouped queries, none over the mails."""
    yield _mails()
    yield _by_one_label(
        "earwig_oldest_due_seconds", "Time by which mail is late.", "lane", oldest_due_seconds(now=now)
    )
    silent = {queue: age for queue, age in heartbeats.silent_seconds(now=now).items() if age is not None}
    yield _by_one_label("earwig_worker_silent_seconds", "Time since a worker's last sign.", "queue", silent)
    yield _jobs()
    yield _by_one_label("earwig_webhooks", "Webhooks by how they are doing.", "state", webhooks.states())
    yield from _of_stages()


def _mails() -> Metric:
    family = GaugeMetricFamily(
        "earwig_mails", "Mails by state, from the ledger.", labels=("account", "state")
    )
    sums = {state: Sum(state) for state in ledger.STATES}
    rows: Any = LedgerDelta.objects.values("account_id").annotate(**sums).order_by()
    names = _slugs()
    for row in rows:
        for state in ledger.STATES:
            family.add_metric((names[row["account_id"]], state), row[state])
    return family


def _jobs() -> Metric:
    family = GaugeMetricFamily(
        "earwig_open_jobs", "Accepted jobs that are not done.", labels=("kind", "state")
    )
    is_open = JobRequest.objects.filter(state__in=(JobState.WAITING, JobState.RUNNING))
    for kind, state, count in is_open.values_list("kind", "state").annotate(n=Count("id")).order_by():
        family.add_metric((kind, state), count)
    return family


def _of_stages() -> Iterator[Metric]:
    labels = ("account", "name")
    sums = CounterMetricFamily("earwig_stage_events", "Sums of stage-based messaging.", labels=labels)
    gauges = GaugeMetricFamily("earwig_stage_value", "Gauges of stage-based messaging.", labels=labels)
    names = _slugs()
    for account_id, name, value in MetricSample.objects.values_list("account_id", "name", "value"):
        if account_id in names:
            family = sums if name.endswith(SUM) else gauges
            family.add_metric((names[account_id], name), value)
    yield from (sums, gauges)


def _by_one_label(name: str, help_text: str, label: str, values: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=(label,))
    for value, number in values.items():
        family.add_metric((value,), number)
    return family


def _slugs() -> dict[int, str]:
    return dict(Account.objects.values_list("id", "slug"))
