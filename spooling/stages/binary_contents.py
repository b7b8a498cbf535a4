"""Uploaded files of stage messages: named here, kept as long as a message shows them (Seed contract §3.6)."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime

from django.db import IntegrityError, transaction

from spooling import errors
from spooling.models import BinaryContent

_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,12}$")


def name_for(filename: str, *, now: datetime) -> str:
    """The moment with microseconds and the upload's extension. What the client called the file is not kept."""
    extension = _EXTENSION.search(filename)
    return f"{now.astimezone(UTC):%Y%m%d%H%M%S%f}{extension.group().lower() if extension else ''}"


def store(account_id: int, *, filename: str, type_: str, data: bytes, now: datetime) -> BinaryContent:
    """Keep an upload under a name of its own."""
    row = BinaryContent(account_id=account_id, type=type_[:100], data=data, created_at=now)
    row.name = name_for(filename, now=now)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        # Another upload of the same microsecond.
        row.name = f"{secrets.token_hex(8)}-{row.name}"
        row.save(force_insert=True)
    return row


def remove(row: BinaryContent) -> None:
    """Delete a file. Raises InUse while a message shows it."""
    if row.messages.exists():
        raise errors.InUse
    row.delete()
