"""Reports on DMARC as their domains' accounts have them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from earwig.models import Domain
from spooling.inbound.dmarc import Report
from spooling.models import DmarcReport


def store(report: Report, *, now: datetime) -> int | None:
    """Keep a report for the account that is known to own its domain, once; answers the account's id.

    None: nobody here is known to own it, and nothing is kept.
    """
    owned = Domain.objects.filter(name=report.domain, verified_at__isnull=False, removed_at=None)
    account_id = owned.values_list("account_id", flat=True).first()
    if account_id is None:
        return None
    DmarcReport.objects.bulk_create(
        [DmarcReport(account_id=account_id, received_at=now, **asdict(report))], ignore_conflicts=True
    )
    return account_id
