"""Message sets: copies, the languages they speak, their end."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from spooling import errors
from spooling.models import MessageSet, StageMessage


def clone(message_set: MessageSet, *, short_name: str, now: datetime) -> MessageSet:
    """A copy of the set and its messages under a new name; files are shared. Raises NameTaken."""
    fields = {
        field.attname: getattr(message_set, field.attname)
        for field in MessageSet._meta.concrete_fields
        if field.name not in ("id", "short_name", "created_at", "updated_at")
    }
    try:
        with transaction.atomic():
            copy = MessageSet.objects.create(short_name=short_name, created_at=now, **fields)
            StageMessage.objects.bulk_create(_copies(message_set, copy, now), batch_size=500)
    except IntegrityError:
        raise errors.NameTaken from None
    return copy


def languages(account_id: int) -> dict[int, list[str]]:
    """By id of each set of the account, the languages of its messages, sorted."""
    spoken = MessageSet.objects.filter(account=account_id).values_list("pk", "messages__lang")
    found: dict[int, list[str]] = {}
    for pk, lang in spoken.distinct().order_by("pk", "messages__lang"):
        found.setdefault(pk, []).extend([lang] if lang is not None else [])
    return found


@transaction.atomic
def remove(message_set: MessageSet) -> None:
    """Delete it with its messages; sets before it end without a next one. Raises InUse while subscriptions exist."""
    try:
        message_set.delete()
    except ProtectedError:
        raise errors.InUse("Subscriptions refer to the message set.") from None


def _copies(message_set: MessageSet, copy: MessageSet, now: datetime) -> list[StageMessage]:
    messages = list(message_set.messages.order_by("pk"))
    for message in messages:
        message.pk, message.messageset, message.created_at = None, copy, now
        message._state.adding = True
    return messages
