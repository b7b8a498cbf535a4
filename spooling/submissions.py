"""Calls that made mails, and the mails of each."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from spooling.models import Mail, Submission
from spooling.models.mails import MailQuerySet
from spooling.outbox import public_ids


def mails(submissions: Iterable[Submission]) -> MailQuerySet:
    """The mails of these calls. Found by the index of their public ids, which begin with the moment of the call."""
    calls = list(submissions)
    drawn = Q(pk__in=[])
    for moment in {call.created_at for call in calls}:
        drawn |= Q(public_id__range=public_ids.bounds(moment))
    return Mail.objects.filter(drawn, submission__in=[call.pk for call in calls])
