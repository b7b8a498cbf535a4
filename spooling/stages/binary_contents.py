"""Uploaded files of stage messages: named here, kept as long as a message shows them (Seed contract §3.6)."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from mimetypes import guess_type
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from earwig import media_types
from spooling import errors
from spooling.models import BinaryContent

_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,12}$")
_UNKNOWN = "application/octet-stream"
_LONGEST_TYPE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as it came: under the client's name, of the media type that the client says, if it says one."""

    filename: str
    type: str
    data: bytes


def store(account_id: int, upload: Upload, *, now: datetime) -> BinaryContent:
    """Keep an upload under a name of its own."""
    row = BinaryContent(account_id=account_id, created_at=now)
    _keep(row, upload, now, force_insert=True)
    return row


def replace(row: BinaryContent, upload: Upload, *, now: datetime) -> None:
    """Put another upload in its place, under a new name: what is cached under the old one never changes."""
    _keep(row, upload, now, update_fields=["name", "type", "data"])


def remove(row: BinaryContent) -> None:
    """Delete a file. Raises InUse while a message shows it."""
    if row.messages.exists():
        raise errors.InUse
    row.delete()


def path_of(row: BinaryContent) -> str:
    """Where `media` serves it."""
    return f"/media/{row.name}"


def url_of(row: BinaryContent) -> str:
    """Where everybody finds it, outside of any request."""
    return f"{settings.PUBLIC_URL}{path_of(row)}"


def _keep(row: BinaryContent, upload: Upload, now: datetime, **saving: Any) -> None:
    row.name, row.type, row.data = _name_for(upload.filename, now), _type_of(upload), upload.data
    try:
        with transaction.atomic():
            row.save(**saving)
    except IntegrityError:
        # Another upload of the same microsecond.
        row.name = f"{secrets.token_hex(8)}-{row.name}"
        row.save(**saving)


def _name_for(filename: str, now: datetime) -> str:
    """The moment with microseconds and the upload's extension. What the client called the file is not kept."""
    extension = _EXTENSION.search(filename)
    return f"{now.astimezone(UTC):%Y%m%d%H%M%S%f}{extension.group().lower() if extension else ''}"


def _type_of(upload: Upload) -> str:
    """The declared media type where it is one, else what the extension stands for."""
    told = media_types.is_bare(upload.type) and len(upload.type) <= _LONGEST_TYPE
    if told and upload.type != _UNKNOWN:
        return upload.type.lower()
    return guess_type(upload.filename)[0] or _UNKNOWN
