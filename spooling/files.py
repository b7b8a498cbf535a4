"""Files that an account offers to everybody who knows their address: kept once, shown at `/media/TOKEN`."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.conf import settings

from spooling.models import HostedFile


def keep(account_id: int, *, name: str, type_: str, data: bytes, now: datetime) -> HostedFile:
    """The account's file of this name, type and data; a new one where there is none yet."""
    digest = hashlib.sha256(data).hexdigest()
    known = HostedFile.objects.filter(account=account_id, digest=digest, name=name, type=type_)
    found = known.defer("data").order_by("id").first()
    if found is not None:
        return found
    return HostedFile.objects.create(
        account_id=account_id,
        name=name,
        type=type_,
        digest=digest,
        size=len(data),
        data=data,
        created_at=now,
    )


def url(file: HostedFile) -> str:
    """Where everybody finds it: on the host that serves what customers wrote."""
    return f"{settings.TRACKING_URL}/media/{file.token}"
