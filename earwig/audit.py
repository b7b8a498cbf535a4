"""The audit trail: who did what to which row. Ids and names of fields, never their values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict, Unpack

from django.db import models

from earwig.models import Account, AuditEntry


class Actor(TypedDict, total=False):
    """Who acts: a user in the admin or a key's public prefix; neither, a command."""

    account: Account | None
    user: Any
    key_prefix: str
    detail: Mapping[str, Any] | None


def record(action: str, subject: models.Model, *, now: datetime, **actor: Unpack[Actor]) -> AuditEntry:
    """Append one entry. `detail` holds ids, counts and names of fields only."""
    return AuditEntry.objects.create(
        at=now,
        action=action,
        subject=f"{subject._meta.model_name} {subject.pk}",
        account=actor.get("account"),
        user=actor.get("user"),
        key_prefix=actor.get("key_prefix", ""),
        detail=dict(actor.get("detail") or {}),
    )
