"""The fingerprint of EARWIG_SENDER_SALT: stored hashes match nothing under another one, so it stays."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction

from earwig import errors, sealing
from earwig.models import SaltFingerprint

_held: set[str] = set()


def fingerprint() -> str:
    """64 hex digits that tell one salt from another and do not give it away."""
    return sealing.token_of("salt fingerprint", "", 64)


def hold(*, now: datetime) -> None:
    """Whoever stores a hash made with the salt calls this first; the salt is fixed from then on.

    Raises SaltChanged when an earlier hash was made with another salt.
    """
    salt = settings.EARWIG_SENDER_SALT
    if salt in _held:
        return
    row, _ = SaltFingerprint.objects.get_or_create(pk=1, defaults={"value": fingerprint(), "held_at": now})
    if row.value != fingerprint():
        raise errors.SaltChanged
    # Only once it is stored: the caller's transaction may still roll back.
    transaction.on_commit(lambda: _held.add(salt))


def changed() -> bool:
    """Whether hashes are stored that were made with another salt."""
    return SaltFingerprint.objects.exclude(value=fingerprint()).exists()


def accept(*, now: datetime) -> None:
    """The present salt is the right one from now on; what was hashed with an earlier one is orphaned."""
    SaltFingerprint.objects.update_or_create(pk=1, defaults={"value": fingerprint(), "held_at": now})


def forget_cached() -> None:
    """Make the next `hold` ask the database."""
    _held.clear()
