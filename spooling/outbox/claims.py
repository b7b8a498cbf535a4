"""Claims: the right of one worker to send a batch until its lease ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from spooling.models import Claim, Mail
from spooling.models.mails import MailState
from spooling.outbox import dialect
from spooling.outbox.values import Batch, Order


def claim(order: Order, *, now: datetime) -> Batch | None:
    """Move up to `order.size` due mails to `sending`, oldest first; None when none is due.

    Two workers never get the same mail, and neither waits for the other.
    """
    batch: Batch | None = dialect.current().claim(order, now)
    return batch


def renew(worker: str, *, lease_seconds: float) -> None:
    """Push the end of all of a worker's leases, by the database's clock, to `lease_seconds` from now."""
    Claim.objects.filter(worker=worker).update(leased_until=Now() + timedelta(seconds=lease_seconds))


def held(worker: str) -> bool:
    """Whether any claim of this worker is open."""
    return Claim.objects.filter(worker=worker).exists()


def drop(claim_ids: Sequence[int]) -> None:
    """Drop claims whose every mail the caller has seen settled. Asks nothing of the mails, which `close` pays for."""
    with connection.cursor() as cursor:
        marks = ", ".join(["%s"] * len(claim_ids))
        cursor.execute(f"DELETE FROM spooling_claim WHERE id IN ({marks})", claim_ids)


def close(claim_ids: Iterable[int]) -> None:
    """Drop claims of which nothing is being sent any more; the others stay."""
    ids = (OuterRef("first_mail_id"), OuterRef("last_mail_id"))
    open_mails = Mail.objects.filter(pk__range=ids, claim=OuterRef("pk"), state=MailState.SENDING)
    Claim.objects.filter(~Exists(open_mails), pk__in=list(claim_ids)).delete()
