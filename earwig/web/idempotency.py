"""Calls that may be repeated: the first answer to an `Idempotency-Key` is stored in the transaction that does
the work, and given again for 24 h.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse

from earwig.models import IdempotencyKey
from earwig.web import errors

KEPT = timedelta(hours=24)
MAX_LENGTH = 200
RETRY_AFTER_SECONDS = 1


class IdempotencyKeyInvalid(errors.WebError):
    """An Idempotency-Key has 1 to 200 printable ASCII characters."""

    code = "idempotency_key_invalid"


class IdempotencyKeyReused(errors.WebError):
    """This Idempotency-Key came with another body before."""

    code = "idempotency_key_reused"


class IdempotencyStillRunning(errors.WebError):
    """The first call with this Idempotency-Key is still running."""

    code = "idempotency_still_running"

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(RETRY_AFTER_SECONDS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What makes two calls the same: account, method, path without its final slash, and key."""

    account_id: int
    method: str
    path: str
    key: str
    payload_digest: str
    now: datetime

    @property
    def lock_id(self) -> int:
        """64 signed bits for PostgreSQL's advisory locks."""
        name = json.dumps([self.account_id, self.method, self.path, self.key])
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


def call_of(request: HttpRequest, payload: Any, *, account_id: int, now: datetime) -> Call | None:
    """The call, or None without the header. Payloads are the same if they are the same data and files.

    Raises IdempotencyKeyInvalid.
    """
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    if not (0 < len(key) <= MAX_LENGTH and key.isascii() and key.isprintable()):
        raise IdempotencyKeyInvalid
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"), default=_digest)
    return Call(
        account_id=account_id,
        method=request.method or "",
        path=request.path.rstrip("/")[:200],
        key=key,
        payload_digest=hashlib.sha256(canonical.encode()).hexdigest(),
        now=now,
    )


def _digest(file: UploadedFile) -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def replay(call: Call) -> HttpResponse | None:
    """The first answer, if there is one. Raises IdempotencyKeyReused."""
    first = _rows(call).filter(created_at__gt=call.now - KEPT).first()
    if first is None:
        return None
    if first.payload_digest != call.payload_digest:
        raise IdempotencyKeyReused
    return HttpResponse(
        first.answer,
        status=first.status,
        content_type="application/json",
        headers={"Idempotent-Replayed": "true"},
    )


def once(call: Call, work: Callable[[], HttpResponse], *, wait: bool = False) -> HttpResponse:
    """The answer of `work`, stored with what it did, or the first call's answer.

    Raises IdempotencyKeyReused, and IdempotencyStillRunning on PostgreSQL; with `wait`, and on SQLite, the second
    call waits. What `work` raises undoes everything, so that the call can be made again.
    """
    with transaction.atomic():
        _lock(call, wait=wait)
        earlier = replay(call)
        if earlier is not None:
            return earlier
        response = work()
        _rows(call).delete()
        IdempotencyKey.objects.create(
            account_id=call.account_id,
            method=call.method,
            path=call.path,
            key=call.key,
            payload_digest=call.payload_digest,
            status=response.status_code,
            answer=response.content.decode(),
            created_at=call.now,
        )
    return response


def prune(now: datetime) -> int:
    """Delete answers older than 24 h; their number."""
    return IdempotencyKey.objects.filter(created_at__lte=now - KEPT).delete()[0]


def _rows(call: Call) -> Any:
    return IdempotencyKey.objects.filter(
        account_id=call.account_id, method=call.method, path=call.path, key=call.key
    )


def _lock(call: Call, *, wait: bool) -> None:
    # SQLite's IMMEDIATE transactions come one by one: whoever gets here has waited for the first call's end.
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [call.lock_id])
            return
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [call.lock_id])
        if not cursor.fetchone()[0]:
            raise IdempotencyStillRunning
