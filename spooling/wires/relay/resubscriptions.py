"""Addresses that are to get mail again (contract §7.5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q

from earwig import audit, domains, sealing
from earwig.credentials import Credential
from earwig.models import Account, AuditEntry, Domain
from spooling.models import Suppression
from spooling.models.suppressions import SuppressionReason
from spooling.wires.relay import errors

#: Of an account, by days of UTC.
MOST_A_DAY = 15
#: What the audit trail calls it.
ACTION = "suppressions.resubscribe"
#: Whoever complained is not asked again.
_FINAL = frozenset({SuppressionReason.COMPLAINT})


@transaction.atomic
def resubscribe(credential: Credential, address: str, *, domain: str, now: datetime) -> None:
    """Lift all of the account's own that keeps mail of one sending domain, or of all, from an address.

    Raises DomainNotConfigured, AddressNotInactive, RefusedByPolicy, TooManyResubscriptions.
    """
    # One after the other, so that they are counted.
    Account.objects.select_for_update(no_key=True).get(pk=credential.account_id)
    sending = domains.find(credential.account_id, domain)
    if sending is None or sending.disabled:
        raise errors.DomainNotConfigured
    rows = _holding(credential.account_id, address, sending, now)
    if not rows:
        raise errors.AddressNotInactive
    if any(row.account_id is None or row.reason in _FINAL for row in rows):
        raise errors.RefusedByPolicy
    if _of_today(credential.account_id, now) >= MOST_A_DAY:
        raise errors.TooManyResubscriptions
    audit.note(credential, ACTION, rows[0], now=now)
    Suppression.objects.filter(pk__in=[row.pk for row in rows]).delete()


def _holding(account_id: int, address: str, domain: Domain, now: datetime) -> Sequence[Suppression]:
    rows = Suppression.objects.filter(
        Q(account=account_id) | Q(account=None),
        Q(expires_at=None) | Q(expires_at__gt=now),
        address_hash=sealing.address_hash(address),
        domain__in=("", domain.name),
    )
    return list(rows.select_for_update().order_by("id"))


def _of_today(account_id: int, now: datetime) -> int:
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return AuditEntry.objects.filter(account=account_id, action=ACTION, at__gte=midnight).count()
