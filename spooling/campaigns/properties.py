"""What a campaign is called, when it starts and what all its mails share, while it is being filled."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict, Unpack

from spooling import errors
from spooling.campaigns import compositions, staleness
from spooling.models import Spooler
from spooling.models.spoolers import SpoolerState


class Properties(TypedDict, total=False):
    """Each may be left out."""

    name: str
    start_at: datetime
    not_after: datetime | None
    tags: list[str]
    headers: dict[str, str]
    variables: dict[str, str]


def change(spooler: Spooler, **properties: Unpack[Properties]) -> None:
    """Set these properties and no others. Once it was ready, `not_after` alone can be changed.

    Raises FieldsRefused for its variables, SpoolerLocked, and SpoolerStateConflict where it has ended.
    """
    if flaws := compositions.variable_flaws(properties.get("variables", {})):
        raise errors.FieldsRefused(fields=flaws)
    filling = Spooler.objects.filter(pk=spooler.pk, state=SpoolerState.PENDING)
    if not filling.update(**properties):
        if properties.keys() != {"not_after"}:
            raise errors.SpoolerLocked
        staleness.postpone(spooler, not_after=properties["not_after"])
    spooler.refresh_from_db(fields=list(properties))
