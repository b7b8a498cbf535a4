"""The control tick: what nobody rings for. Every part is bounded, repeatable, and cheap when there is nothing to do."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from earwig.models import IdempotencyKey
from spooling import attempts, hosts, ledger, privacy
from spooling.delivery import salvage
from spooling.models import TrappedMail
from spooling.outbox import rescue, sweeps

IDEMPOTENCY_HOURS = 24


def tick(*, now: datetime) -> None:
    """Once a second: rescue, mails in doubt, what is late or cancelled, and handed-over messages."""
    salvage.rescue_host(hosts.new_worker(), now=now)
    sweeps.resolve_doubts(now=now)
    sweeps.expire(now=now)
    sweeps.cancel_rows(now=now)
    sweeps.wake_backlogs(now=now)
    attempts.spool_due(now=now)
    attempts.collect(now=now)


def tidy(*, now: datetime) -> None:
    """Once a minute: lost hosts, journals without a claim, the ledger's old increments, retention."""
    rescue.doubt_lost_hosts(now=now)
    salvage.sweep(hosts.new_worker(), now=now)
    ledger.merge(now=now)
    attempts.tidy(now=now)
    privacy.tidy(now=now)
    IdempotencyKey.objects.filter(created_at__lt=now - timedelta(hours=IDEMPOTENCY_HOURS)).delete()
    TrappedMail.objects.filter(received_at__lt=now - timedelta(days=settings.TRAP_RETENTION)).delete()
