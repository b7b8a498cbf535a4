"""The audit trail: who did what to which row. Ids and names of fields, never their values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypedDict, Unpack

from django.contrib.auth.models import User
from django.db import models

from earwig.credentials import Credential
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


def note(
    credential: Credential, action: str, subject: models.Model, *, fields: Iterable[str] = (), now: datetime
) -> None:
    """Append that a key, or its user, did this. Belongs into the transaction that does it."""
    record(
        action,
        subject,
        now=now,
        account=Account(pk=credential.account_id),
        user=User(pk=credential.user_id) if credential.user_id else None,
        key_prefix=credential.prefix,
        detail={"fields": sorted(fields)} if fields else {},
    )
