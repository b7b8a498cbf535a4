"""Sends a campaign's message to a few addresses, to be looked at before its launch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from spooling import errors, spoolers
from spooling.campaigns import compositions, differences, filling, locks, messages
from spooling.campaigns.compositions import Message
from spooling.campaigns.filling import Entry
from spooling.models import Spooler
from spooling.models.spoolers import Lane
from spooling.outbox import intake
from spooling.outbox.drafts import Accepted, NewContent, NewMail, NewSend, NewSubmission

MOST = 10


def send(
    spooler: Spooler, entries: Sequence[Entry], *, api_key_id: int | None, now: datetime, wire: str = "native"
) -> list[Accepted]:
    """The campaign's message to each of one to ten entries, at once, whatever its start says; in order.

    Nothing of it stands in any figure. Raises TooManyDrafts, SpoolerLocked, MessageIncomplete, FieldsRefused,
    UnknownResource and LimitReached.
    """
    if not 1 <= len(entries) <= MOST:
        raise errors.TooManyDrafts
    emails = filling.addresses(entries)
    differences.check(spooler, [entry.override for entry in entries])
    submission = NewSubmission(account_id=spooler.account_id, wire=wire, api_key_id=api_key_id)
    with transaction.atomic():
        held = locks.being_filled(spooler)
        hidden = spoolers.of_drafts(held.account_id, held.domain_id)
        sends = [
            NewSend(
                content=complete(held, entry.override),
                mails=(NewMail(email, entry.name, entry.variables, tags=entry.tags),),
                lane=Lane.TRANSACTIONAL,
                spooler_id=hidden.pk,
                domain_id=held.domain_id,
            )
            for email, entry in zip(emails, entries, strict=True)
        ]
        with filling.named(range(len(sends))):
            return intake.accept(submission, sends, now=now)


def complete(spooler: Spooler, override: Message | None) -> NewContent:
    """What such a mail would say. Raises MessageIncomplete as long as it cannot be sent."""
    content = messages.compose(spooler, override)
    if lacks := compositions.lacks(content):
        raise errors.MessageIncomplete(fields=lacks)
    return content
