"""Message sets: copies, the languages they speak, their end."""

from __future__ import annotations

from datetime import datetime

from spooling.models import MessageSet


def clone(message_set: MessageSet, *, short_name: str, now: datetime) -> MessageSet:
    """A copy of the set and its messages under a new name; files are shared. Raises NameTaken."""
    raise NotImplementedError


def languages(account_id: int) -> dict[int, list[str]]:
    """By id of each set of the account, the languages of its messages, sorted."""
    raise NotImplementedError


def remove(message_set: MessageSet) -> None:
    """Delete it with its messages; sets before it end without a next one. Raises InUse while subscriptions exist."""
    raise NotImplementedError
