"""Stores mail. When `accept` returns, every mail is a committed row, or will be when the caller's transaction is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from spooling import limits, spoolers, wakeups
from spooling.models import Attachment, Backlog, ContentFile
from spooling.models.spoolers import Lane
from spooling.outbox import dialect, public_ids
from spooling.outbox.drafts import Accepted, NewContent, NewFile, NewMail, NewSend, NewSubmission, Row
from stats import providers

__all__ = ["Accepted", "NewContent", "NewFile", "NewMail", "NewSend", "NewSubmission", "accept"]


def accept(submission: NewSubmission, sends: Sequence[NewSend], *, now: datetime) -> list[Accepted]:
    """Store all mails of all `sends`, or none; in order. Wakes their lanes once they are committed.

    Raises LimitReached when they would exceed a limit of the account.
    """
    rows = _rows(submission, sends, now)
    limits.check(submission.account_id, len(rows), now=now)
    contents = [send.content for send in sends]
    if any(content.files for content in contents) or any(row.lane == Lane.BULK for row in rows):
        with transaction.atomic():
            ids, content_ids = dialect.current().insert(submission, contents, rows, now)
            _attach(submission.account_id, contents, content_ids)
            _note_backlogs(rows)
    else:
        ids, _ = dialect.current().insert(submission, contents, rows, now)
    for lane in {row.lane for row in rows}:
        wakeups.wake_after_commit(lane)
    return [Accepted(ids[row.public_id], row.public_id, row.mail.email, "waiting") for row in rows]


def _rows(submission: NewSubmission, sends: Sequence[NewSend], now: datetime) -> list[Row]:
    drawn = iter(public_ids.draw(sum(len(send.mails) for send in sends), now=now))
    rows: list[Row] = []
    for number, send in enumerate(sends):
        spooler_id = send.spooler_id or spoolers.stream_id(submission.account_id, send.lane)
        due_at = now if send.due_at is None else max(now, send.due_at)
        for mail in send.mails:
            rows.append(
                Row(
                    number,
                    next(drawn),
                    spooler_id,
                    send.lane,
                    send.domain_id,
                    due_at,
                    send.not_after,
                    providers.of_address(mail.email),
                    mail,
                )
            )
    return rows


def _attach(account_id: int, contents: Sequence[NewContent], content_ids: Sequence[int]) -> None:
    files = [
        (content_ids[n], *pair) for n, content in enumerate(contents) for pair in enumerate(content.files)
    ]
    if not files:
        return
    data = {hashlib.sha256(file.data).hexdigest(): file.data for _, _, file in files}
    Attachment.objects.bulk_create(
        [Attachment(account_id=account_id, digest=digest, data=bytes_) for digest, bytes_ in data.items()],
        ignore_conflicts=True,
    )
    stored = dict(
        Attachment.objects.filter(account_id=account_id, digest__in=data).values_list("digest", "id")
    )
    ContentFile.objects.bulk_create(
        ContentFile(
            content_id=content_id,
            attachment_id=stored[hashlib.sha256(file.data).hexdigest()],
            position=position,
            name=file.name,
            type=file.type,
            cid=file.cid,
        )
        for content_id, position, file in files
    )


def _note_backlogs(rows: Sequence[Row]) -> None:
    """Tell bulk's workers when each (spooler, provider) has something due."""
    earliest: dict[tuple[int, str], datetime] = {}
    for row in rows:
        if row.lane == Lane.BULK:
            place = (row.spooler_id, row.provider)
            earliest[place] = min(row.due_at, earliest.get(place, row.due_at))
    # In one order, so that two transactions never wait for each other.
    places = sorted(earliest)
    Backlog.objects.bulk_create(
        [Backlog(spooler_id=spooler_id, provider=provider) for spooler_id, provider in places],
        ignore_conflicts=True,
    )
    for spooler_id, provider in places:
        due_at = earliest[spooler_id, provider]
        Backlog.objects.of(spooler_id, provider).idle_at(due_at).update(next_due_at=due_at)
