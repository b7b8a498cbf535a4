"""Accepting a message for some people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from earwig import errors, senders
from earwig.models import Account, HandoffMessage, MessageRecipient, Person, Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderDraft:
    """A constituent to vouch for together with the message."""

    email: str
    name: str
    ttl_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an application hands over. `sender` is a known sender's hash or a draft of one; `recipients` are
    external ids of people.
    """

    type: str
    subject: str
    message: str
    sender: str | SenderDraft
    recipients: tuple[str, ...] = ()


@transaction.atomic
def accept(account: Account, draft: Draft, *, now: datetime) -> HandoffMessage:
    """The stored message, each person once in the order given, all `unscheduled`.

    A sender known by its hash is left as it is; a draft creates, refreshes or revives one (handoff contract
    §3.2). Nothing is stored when it raises: UnknownSender, UnknownPerson (with the id as given), SaltChanged.
    """
    sender = _sender(account, draft.sender, now)
    people = _people(account, draft.recipients)
    message = HandoffMessage.objects.create(
        account=account,
        sender=sender,
        type=draft.type,
        subject=draft.subject,
        message=draft.message,
        created_at=now,
    )
    MessageRecipient.objects.bulk_create(
        MessageRecipient(message=message, person=person, position=position)
        for position, person in enumerate(people)
    )
    return message


def _sender(account: Account, sender: str | SenderDraft, now: datetime) -> Sender:
    if isinstance(sender, SenderDraft):
        return senders.vouch(account, email=sender.email, name=sender.name, ttl_days=sender.ttl_days, now=now)
    known = Sender.objects.filter(account=account, hash=sender).first()
    if known is None:
        raise errors.UnknownSender
    return known


def _people(account: Account, external_ids: Sequence[str]) -> list[Person]:
    asked = list(dict.fromkeys(external_ids))
    known = {
        person.external_id: person for person in Person.objects.filter(account=account, external_id__in=asked)
    }
    for external_id in asked:
        if external_id not in known:
            raise errors.UnknownPerson(external_id)
    return [known[external_id] for external_id in asked]
