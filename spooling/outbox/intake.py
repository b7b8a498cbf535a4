"""Stores mail. When `accept` returns, every mail is a committed row, or will be when the caller's transaction is."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from spooling import limits, spoolers, wakeups
from spooling.models import Backlog
from spooling.models.spoolers import Lane
from spooling.outbox import contents, dialect, public_ids, variables
from spooling.outbox.drafts import Accepted, NewContent, NewFile, NewMail, NewSend, NewSubmission, Placed
from stats import providers

__all__ = ["Accepted", "NewContent", "NewFile", "NewMail", "NewSend", "NewSubmission", "accept"]


def accept(submission: NewSubmission, sends: Sequence[NewSend], *, now: datetime) -> list[Accepted]:
    """Store all mails of all `sends`, or none; in order. Wakes their lanes once they are committed.

    Raises LimitReached when they would exceed a limit of the account, and VariablesRefused.
    """
    placed = _placed(submission, sends, now)
    limits.check(submission.account_id, sum(len(send.mails) for send in placed), now=now)
    lanes = {send.lane for send in placed}
    new = [send.content for send in placed if send.content is not None]
    if Lane.BULK in lanes or any(contents.has_more(content) for content in new):
        with transaction.atomic():
            mail_ids, content_ids = dialect.current().insert(submission, placed, now)
            contents.attach(submission.account_id, new, content_ids)
            if details := contents.details(new, content_ids):
                dialect.current().insert_details(submission.account_id, details)
            _note_backlogs(placed)
    else:
        mail_ids, _ = dialect.current().insert(submission, placed, now)
    for lane in lanes:
        wakeups.wake_after_commit(lane)
    mails = [pair for send in placed for pair in zip(send.public_ids, send.mails, strict=True)]
    return [
        Accepted(mail_id, public_id, mail.email, mail.state)
        for mail_id, (public_id, mail) in zip(mail_ids, mails, strict=True)
    ]


def _placed(submission: NewSubmission, sends: Sequence[NewSend], now: datetime) -> list[Placed]:
    told = [mail for send in sends for mail in send.mails]
    texts = iter(variables.texts(told, bounded=submission.bounded))
    drawn = iter(public_ids.draw(len(told), now=now))
    return [
        Placed(
            content=send.content,
            content_id=send.content_id,
            mails=send.mails,
            public_ids=list(itertools.islice(drawn, len(send.mails))),
            variables=list(itertools.islice(texts, len(send.mails))),
            providers=[providers.of_address(mail.email) for mail in send.mails],
            spooler_id=send.spooler_id or spoolers.stream_id(submission.account_id, send.lane),
            lane=send.lane,
            domain_id=send.domain_id,
            due_at=now if send.due_at is None else max(now, send.due_at),
            not_after=send.not_after,
            call=send.call,
        )
        for send in sends
    ]


def _note_backlogs(sends: Sequence[Placed]) -> None:
    """Tell bulk's workers when each (spooler, provider) has something due."""
    earliest: dict[tuple[int, str], datetime] = {}
    for send in sends:
        for provider in set(send.providers) if send.lane == Lane.BULK else ():
            place = (send.spooler_id, provider)
            earliest[place] = min(send.due_at, earliest.get(place, send.due_at))
    # In one order, so that two transactions never wait for each other.
    places = sorted(earliest)
    Backlog.objects.bulk_create(
        [Backlog(spooler_id=spooler_id, provider=provider) for spooler_id, provider in places],
        ignore_conflicts=True,
    )
    for spooler_id, provider in places:
        due_at = earliest[spooler_id, provider]
        Backlog.objects.of(spooler_id, provider).idle_at(due_at).update(next_due_at=due_at)
