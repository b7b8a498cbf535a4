"""The Celery tasks of accounts and domains. Each calls one verb."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from earwig import dns_checks

#: How long one task may take, whatever the name servers do: rescue and sweeps wait in its queue.
DNS_SECONDS = 2.0

#: Beat's schedule: name → task, period and queue.
BEAT = {
    "check-dns": {
        "task": "earwig.check_dns",
        "schedule": 60.0,
        "options": {"queue": "control", "expires": 60.0},
    },
}


@shared_task(name="earwig.check_dns")
def check_dns() -> int:
    """Look at the DNS records of the domains that were looked at longest ago."""
    return dns_checks.check_due(now=timezone.now(), seconds=DNS_SECONDS)
