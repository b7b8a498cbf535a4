"""Claims whose worker is gone: what it began without a reply becomes `in_doubt`, the rest waits again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models.functions import Now

from spooling.models import Claim, Mail
from spooling.outbox import claims, settlements, values
from spooling.outbox.values import Claimed, Result

#: What a crash left unknown, in the words of the event.
LOST_REPLY = "the reply was lost with its worker"
LOST_JOURNAL = "its worker's journal was lost"

#: How long a living host has to rescue its own, after it was first found overdue.
SECOND_LOOK = timedelta(seconds=45)
#: Mails settled in one transaction.
_CHUNK = 1_000

Fate = Callable[[Claimed], Result]


def of_host(host: str) -> list[Claim]:
    """All claims of a host's workers, by worker."""
    return list(Claim.objects.filter(host=host).order_by("worker", "id"))


def overdue(found: Iterable[Claim], *, seconds: float = 0.0) -> list[Claim]:
    """Those whose lease ended at least `seconds` ago, by the database's clock."""
    ended = Claim.objects.filter(leased_until__lt=Now() - timedelta(seconds=seconds))
    return list(ended.filter(pk__in=[claim.pk for claim in found]))


def resolve(claim: Claim, fate: Fate, *, now: datetime) -> int:
    """Settle every mail of `claim` that is still being sent as `fate` says, and close it. Answers how many moved."""
    sending = Mail.objects.held_by(claim).order_by("id")
    mails = values.claimed(sending)
    moved = 0
    for start in range(0, len(mails), _CHUNK):
        results = [fate(mail) for mail in mails[start : start + _CHUNK]]
        moved += settlements.settle(results, router_id=None, router_name="", now=now)
    claims.close([claim.pk])
    return moved


def doubt(claim: Claim, *, why: str, now: datetime) -> int:
    """Nobody can tell what of `claim` went out: all of it that is unsettled becomes `in_doubt`."""

    def fate(mail: Claimed) -> Result:
        return Result(mail.id, claim.pk, "in_doubt", "in_doubt", 0, why, 1)

    return resolve(claim, fate, now=now)


def doubt_lost_hosts(*, now: datetime) -> int:
    """Claims that nobody rescued for LOST_HOST_SECONDS after their lease: their host is lost, with its journals.

    Doubted at the second look only. After a long outage of the database all leases are overdue at once, and living
    hosts need some seconds to rescue their own.
    """
    found = overdue(Claim.objects.all(), seconds=settings.LOST_HOST_SECONDS)
    missed = [claim for claim in found if claim.missed_at and claim.missed_at > claim.leased_until]
    new = {claim.pk for claim in found} - {claim.pk for claim in missed}
    Claim.objects.filter(pk__in=new).update(missed_at=now)
    return sum(
        doubt(claim, why=LOST_JOURNAL, now=now)
        for claim in missed
        if claim.missed_at is not None and now - claim.missed_at >= SECOND_LOOK
    )
