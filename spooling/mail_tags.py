"""Which mails carry tags: their own, or else those of the call that made them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from spooling.models import Submission

_OWN = "nullif(nullif(mail.tags, 'null'), '[]')"
_FROM = "SELECT mail.id FROM spooling_mail AS mail JOIN spooling_submission AS call ON call.id = mail.submission_id"
_ON_POSTGRESQL = f"{_FROM} WHERE mail.account_id = %s AND coalesce({_OWN}::jsonb, call.tags) @> %s::jsonb"
_ON_SQLITE = f"{_FROM} WHERE mail.account_id = %s"
_TAG_ON_SQLITE = (
    f" AND EXISTS (SELECT 1 FROM json_each(coalesce({_OWN}, call.tags)) AS tag WHERE tag.value = %s)"
)
#: Calls in which `recent` looks for tags.
LOOKED_AT = 2000


def carrying(account_id: int, tags: Sequence[str]) -> RawSQL:
    """The ids of the account's mails that carry all of these tags, for an `__in`."""
    if connection.vendor == "postgresql":
        return RawSQL(_ON_POSTGRESQL, [account_id, json.dumps(list(tags))])
    return RawSQL(_ON_SQLITE + _TAG_ON_SQLITE * len(tags), [account_id, *tags])


def recent(account_id: int, *, limit: int) -> list[str]:
    """The tags that the account's calls gave last, the newest first."""
    calls: QuerySet[Submission, Any] = Submission.objects.filter(account=account_id).order_by("-id")
    found: dict[str, None] = {}
    for tags in calls.values_list("tags", flat=True)[:LOOKED_AT].iterator():
        found |= dict.fromkeys(str(tag) for tag in tags)
        if len(found) >= limit:
            break
    return list(found)[:limit]
