"""Constituents: vouched for by an application, kept for a time, forgotten, revived (handoff contract §4)."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Coalesce

from earwig import salts
from earwig.models import Account, Sender

MOST_TTL_DAYS = 36_500


def hash_of(email: str) -> str:
    """64 hex digits: SHA-256 of the address exactly as received, then the salt (handoff contract §4.1)."""
    return hashlib.sha256((email + settings.EARWIG_SENDER_SALT).encode()).hexdigest()


@transaction.atomic
def vouch(account: Account, *, email: str, name: str, ttl_days: int, now: datetime) -> Sender:
    """The account's sender of this address: created, refreshed, or revived after a purge (contract §4.2).

    A TTL below a day counts as one, above 36,500 as 36,500; it never shortens an earlier promise.
    Raises SaltChanged.
    """
    salts.hold(now=now)
    until = now + timedelta(days=max(1, min(ttl_days, MOST_TTL_DAYS)))
    new = {"email": email, "name": name, "email_expires_at": until, "created_at": now}
    sender, created = Sender.objects.select_for_update().get_or_create(
        account=account, hash=hash_of(email), defaults=new
    )
    if not created:
        sender.email, sender.name, sender.purged_at = email, name, None
        sender.email_expires_at = max(until, sender.email_expires_at)
        sender.save(update_fields=["email", "name", "purged_at", "email_expires_at"])
    return sender


def forget(sender: Sender, *, now: datetime) -> None:
    """Clear what the row itself holds of the person. The hash stays: it links past messages."""
    Sender.objects.filter(pk=sender.pk).update(email=None, name="", purged_at=Coalesce("purged_at", now))
    sender.refresh_from_db(fields=["email", "name", "purged_at"])
