"""Calls that made mails, and the mails of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import connection
from django.db.models import Q

from spooling.models import Mail, Submission
from spooling.models.mails import MailQuerySet
from spooling.outbox import public_ids

_MARKS = {"postgresql": "(%s::bigint, %s::uuid, %s::uuid)", "sqlite": "(%s, %s, %s)"}
_CONTENTS = """
WITH call (id, low, high) AS (VALUES {marks})
SELECT call.id, (
    SELECT mail.content_id FROM spooling_mail AS mail
    WHERE mail.public_id BETWEEN call.low AND call.high AND mail.submission_id = call.id
    ORDER BY mail.public_id LIMIT 1
) FROM call
"""


def mails(submissions: Iterable[Submission]) -> MailQuerySet:
    """The mails of these calls. Found by the index of their public ids, which begin with the moment of the call."""
    calls = list(submissions)
    drawn = Q(pk__in=[])
    for moment in {call.created_at for call in calls}:
        drawn |= Q(public_id__range=public_ids.bounds(moment))
    return Mail.objects.filter(drawn, submission__in=[call.pk for call in calls])


def contents(submissions: Sequence[Submission]) -> dict[int, int]:
    """By call the id of what one of its mails says, always the same one; without calls that have none any more.

    Reads one mail a call, however many it made.
    """
    if not submissions:
        return {}
    marks = ", ".join([_MARKS[connection.vendor]] * len(submissions))
    given: list[int | str] = []
    for call in submissions:
        low, high = public_ids.bounds(call.created_at)
        given += [call.pk, low.hex, high.hex]
    with connection.cursor() as cursor:
        cursor.execute(_CONTENTS.format(marks=marks), given)
        return {call_id: content_id for call_id, content_id in cursor.fetchall() if content_id is not None}
