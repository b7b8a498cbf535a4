"""Metrics posted to another system, as they change: what METRICS_URL names is told each minute."""

from __future__ import annotations

import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from http.client import HTTPException
from typing import Any

from django.conf import settings
from django.db.models import F, Q

from earwig import openers
from earwig.models import Account
from stats import metrics
from stats.models import MetricSample

TIMEOUT_SECONDS = 3.0
#: What one round spends on it at most, as other work waits in the same queue.
TURN_SECONDS = 10.0
#: Values of one post.
MOST_VALUES = 1000

log = logging.getLogger(__name__)


def push_changed() -> int:
    """Post what changed since it was posted: by how much a sum grew, and the present value of all else.

    What is not answered 2xx is posted again in the next round, so a sum whose answer was lost is added twice.
    Answers how many values were taken.
    """
    if not settings.METRICS_URL:
        return 0
    taken, ends = 0, time.monotonic() + TURN_SECONDS
    for account in Account.objects.filter(active=True).order_by("id"):
        changed = list(_changed(account.pk)[:MOST_VALUES])
        if not changed:
            continue
        if time.monotonic() > ends or not _post(account.slug, changed):
            break
        for sample in changed:
            sample.pushed_value = sample.value
        MetricSample.objects.bulk_update(changed, ["pushed_value"], batch_size=MOST_VALUES)
        taken += len(changed)
    return taken


def _changed(account_id: int) -> Any:
    told = Q(pushed_value__isnull=False, pushed_value=F("value"))
    return MetricSample.objects.filter(~told, account_id=account_id).order_by("id")


def _figure(sample: MetricSample) -> float:
    return sample.value - (sample.pushed_value or 0) if sample.name.endswith(metrics.SUM) else sample.value


def _post(slug: str, changed: Iterable[MetricSample]) -> bool:
    body = json.dumps({sample.name: _figure(sample) for sample in changed}).encode()
    headers = {"Content-Type": "application/json"}
    if settings.METRICS_TOKEN:
        headers["Authorization"] = f"Token {settings.METRICS_TOKEN}"
    url = settings.METRICS_URL.replace("{account}", slug)
    request = urllib.request.Request(url, body, headers, method="POST")
    try:
        with _opener.open(request, timeout=TIMEOUT_SECONDS):
            return True
    except (OSError, ValueError, HTTPException) as fault:
        # The exception may name the URL, which may hold a password.
        reason = str(fault.code) if isinstance(fault, urllib.error.HTTPError) else type(fault).__name__
        log.warning("Metrics could not be posted", extra={"reason": reason})
        return False


_opener = openers.make(seconds=TURN_SECONDS)
