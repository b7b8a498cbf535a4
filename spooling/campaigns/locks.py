"""Holds a campaign's row while it is filled: a launch, a setter and another call come before or after, never between."""

from __future__ import annotations

from django.db import connection

from spooling import errors
from spooling.models import Spooler
from spooling.models.spoolers import Lane, SpoolerState


def being_filled(spooler: Spooler) -> Spooler:
    """The row as it is now, held until the transaction ends. Raises SpoolerLocked once it was ready."""
    held = _held(spooler)
    if held.state != SpoolerState.PENDING:
        raise errors.SpoolerLocked
    return held


def taking_mail(spooler: Spooler) -> Spooler:
    """As `being_filled`, but a transactional campaign takes mail until it is finished.

    What is launched changes no more, so calls that add to it hold the row together.
    """
    is_fixed = spooler.state != SpoolerState.PENDING and spooler.content_id is not None
    held = _shared(spooler) if is_fixed else _held(spooler)
    if not held.takes_mail or (held.state != SpoolerState.PENDING and held.lane != Lane.TRANSACTIONAL):
        raise errors.SpoolerLocked
    return held


def _held(spooler: Spooler) -> Spooler:
    # Not FOR UPDATE: rows that refer to the spooler, such as deltas of a drain, would wait for it.
    return Spooler.objects.select_for_update(no_key=True).get(pk=spooler.pk)


def _shared(spooler: Spooler) -> Spooler:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM spooling_spooler WHERE id = %s FOR SHARE", [spooler.pk])
    return Spooler.objects.get(pk=spooler.pk)
