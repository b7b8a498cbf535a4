"""Sending domains, as far as campaigns hold on to them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from earwig import domains
from earwig.models import Domain
from spooling import errors
from spooling.models import Spooler
from spooling.models.spoolers import SpoolerState, SpoolerType

_LAUNCHED = (SpoolerState.READY, SpoolerState.PAUSED, SpoolerState.FINISHED)


@transaction.atomic
def remove(domain: Domain, *, now: datetime) -> None:
    """Give up a domain. Raises InUse while a campaign of it is launched and has not ended."""
    held = Domain.objects.select_for_update().get(pk=domain.pk)
    launched = Spooler.objects.filter(
        domain=held, type=SpoolerType.CAMPAIGN, state__in=_LAUNCHED, ended_at=None
    )
    if launched.exists():
        raise errors.InUse("A spooler of this domain is pending or running.")
    domains.remove(held, now=now)
