"""What staff mend in bulk: stuck and doubled subscriptions, a word before the next audio message (contract §5.6)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from spooling.models import Subscription
from spooling.models.message_sets import ContentType
from spooling.models.subscriptions import ProcessStatus
from spooling.stages import wordings

#: The status that other programs give while they send.
IN_PROCESS = 1
#: What was made so soon after an equal one is its double.
DOUBLED_WITHIN = timedelta(seconds=60)
#: Rows that one transaction changes.
SLICE = 1000
_SAME = ("identity", "version", "messageset_id", "lang", "active", "completed", "schedule_id")


def reset_stuck(account_id: int, *, now: datetime) -> int:
    """Make subscriptions ready that another program left in process; answers how many."""
    stuck = Subscription.objects.filter(account=account_id, process_status=IN_PROCESS)
    return stuck.update(process_status=ProcessStatus.READY, updated_at=now)


def duplicates(account_id: int) -> list[int]:
    """Ids of those made within 60 s after an otherwise equal one, which is kept. Nothing is deleted."""
    rows = Subscription.objects.filter(account=account_id).order_by(*_SAME, "created_at", "pk")
    values = rows.values_list(*_SAME, "created_at", "pk").iterator(chunk_size=5_000)
    groups = itertools.groupby(values, key=lambda row: row[: len(_SAME)])
    return [pk for _, alike in groups for pk in _doubles(alike)]


def remove_duplicates(account_id: int) -> int:
    """Delete what `duplicates` names, with what belongs to it; answers how many."""
    ids = duplicates(account_id)
    for start in range(0, len(ids), SLICE):
        Subscription.objects.filter(account=account_id, pk__in=ids[start : start + SLICE]).delete()
    return len(ids)


def prepend_to_audio(account_id: int, *, prepend: str, now: datetime) -> int:
    """Put `prepend` before the next message of each active subscription to an audio set; answers how many."""
    audio = Subscription.objects.filter(
        account=account_id, active=True, messageset__content_type=ContentType.AUDIO
    )
    position, changed = 0, 0
    while ids := list(audio.filter(pk__gt=position).order_by("pk").values_list("pk", flat=True)[:SLICE]):
        changed += _prepend(ids, prepend, now)
        position = ids[-1]
    return changed


@transaction.atomic
def _prepend(ids: Iterable[int], prepend: str, now: datetime) -> int:
    rows = list(Subscription.objects.select_for_update().filter(pk__in=ids, active=True).order_by("pk"))
    for row in rows:
        row.metadata = {**(row.metadata or {}), wordings.PREPEND: prepend}
        row.updated_at = now
    Subscription.objects.bulk_update(rows, ["metadata", "updated_at"], batch_size=200)
    return len(rows)


def _doubles(alike: Iterable[Any]) -> Iterator[int]:
    kept_at = None
    for *_, created_at, pk in alike:
        if kept_at is not None and created_at - kept_at <= DOUBLED_WITHIN:
            yield pk
        else:
            kept_at = created_at
