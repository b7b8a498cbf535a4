"""Launches a campaign: looks whether its message is complete, fixes it as its content, and lets its mails go. O(1)."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from django.db import transaction

from earwig.models import Domain
from spooling import errors, ledger, spoolers
from spooling.campaigns import compositions, displays, locks, messages, recipient_imports
from spooling.models import Spooler
from spooling.models.spoolers import Lane
from spooling.outbox.drafts import NewContent


@transaction.atomic
def launch(spooler: Spooler, *, now: datetime) -> None:
    """Let it send from `start_at` on what it says now; nobody changes that any more.

    Raises MessageIncomplete, DomainRemoved, and SpoolerStateConflict unless it is being filled and all that was uploaded
    is in it.
    """
    try:
        held = locks.being_filled(spooler)
    except errors.SpoolerLocked:
        raise errors.SpoolerStateConflict from None
    if held.lane == Lane.BULK and recipient_imports.is_open(held):
        raise errors.SpoolerStateConflict("Its recipients are still being imported.")
    _require_domain(held)
    content = messages.compose(held)
    if found := flaws(held, content):
        raise errors.MessageIncomplete(fields=found)
    messages.fill(held, _signed(held, content), now=now)
    spoolers.ready(held, now=now)
    spooler.refresh_from_db()


def flaws(spooler: Spooler, content: NewContent) -> dict[str, str]:
    """What a campaign that says this lacks for its launch, by field."""
    # Mails that all bring bodies of their own need no message.
    found = compositions.lacks(content) if spooler.shares_content else compositions.unrenderable(content)
    # The domain may have become another account's since it was named.
    found |= messages.author_flaws(spooler, _signed(spooler, content).from_email)
    if spooler.lane == Lane.BULK and not ledger.of_spooler(spooler.pk)["spooled"]:
        found["mails"] = "There is none."
    return found


def _require_domain(spooler: Spooler) -> None:
    """Locked, so that it is deleted before the launch or, being in use then, not at all."""
    if spooler.domain_id is None:
        return
    if Domain.objects.select_for_update(no_key=True).get(pk=spooler.domain_id).removed_at is not None:
        raise errors.DomainRemoved


def _signed(spooler: Spooler, content: NewContent) -> NewContent:
    """With an author for mails that name none, where nothing was said."""
    if content.from_email or spooler.domain is None:
        return content
    return dataclasses.replace(content, from_email=f"{displays.LOCAL_PART}@{spooler.domain.name}")
