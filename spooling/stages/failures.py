"""Messages that could not be handed over (wire: failed tasks), and asking for them again (Seed contract §6.1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from spooling.models import JobRequest, SendFailure
from spooling.stages import requests

#: Failures that one transaction turns into sends.
SLICE = 1000
LONGEST_REASON = 500


def note(account_id: int, reasons: Mapping[int, str], *, now: datetime) -> None:
    """Keep why each subscription got nothing. What is known already is not told twice: a run comes every day."""
    if not reasons:
        return
    known = set(SendFailure.objects.filter(subscription__in=reasons).values_list("subscription_id", "reason"))
    SendFailure.objects.bulk_create(
        [
            SendFailure(account_id=account_id, subscription_id=pk, reason=reason, initiated_at=now)
            for pk, reason in ((pk, reason[:LONGEST_REASON]) for pk, reason in reasons.items())
            if (pk, reason) not in known
        ],
        batch_size=1000,
    )


def requeue(job: JobRequest, now: datetime) -> bool:
    """Turn the next failures there were when it was asked for into sends; whether more are left.

    Each failure goes and its send comes in the caller's transaction.
    """
    kept = SendFailure.objects.filter(account=job.account_id, pk__lte=job.arguments["newest"])
    rows = list(kept.select_related("subscription").order_by("pk").select_for_update(of=("self",))[:SLICE])
    # Two failures of one subscription ask for one message.
    subscriptions = {failure.subscription_id: failure.subscription for failure in rows}
    JobRequest.objects.bulk_create(requests.send_of(each, now=now) for each in subscriptions.values())
    SendFailure.objects.filter(pk__in=[failure.pk for failure in rows]).delete()
    job.progress += len(rows)
    return len(rows) == SLICE
