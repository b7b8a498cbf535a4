"""The outbox's statements on SQLite: one writer at a time, so nothing is ever skipped or locked."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from spooling.models import Content, LedgerDelta, Mail, Submission
from spooling.outbox.drafts import NewContent, NewSubmission

if TYPE_CHECKING:
    from spooling.outbox.intake import Row


@transaction.atomic
def insert(
    submission: NewSubmission, contents: Sequence[NewContent], rows: Sequence[Row], now: datetime
) -> tuple[dict[str, int], list[int]]:
    """Store everything; answers mail ids by public id (hex), and the contents' ids in order."""
    call = Submission.objects.create(
        account_id=submission.account_id,
        api_key_id=submission.api_key_id,
        wire=submission.wire,
        client_reference=submission.client_reference,
        tags=list(submission.tags),
        metadata=dict(submission.metadata),
        created_at=now,
    )
    stored = Content.objects.bulk_create([_content(submission.account_id, content, now) for content in contents])
    mails = Mail.objects.bulk_create([_mail(row, call, stored[row.send], now) for row in rows], batch_size=30)
    for spooler_id, count in Counter(row.spooler_id for row in rows).items():
        LedgerDelta.objects.create(
            spooler_id=spooler_id, account_id=submission.account_id, at=now, spooled=count, waiting=count
        )
    return {mail.public_id.hex: mail.pk for mail in mails}, [content.pk for content in stored]


def _content(account_id: int, content: NewContent, now: datetime) -> Content:
    return Content(
        account_id=account_id,
        subject=content.subject,
        from_name=content.from_name,
        from_email=content.from_email,
        reply_to=content.reply_to,
        to=content.to,
        cc=content.cc,
        text=content.text,
        html=content.html,
        headers=content.headers,
        template_language=content.template_language,
        language=content.language,
        created_at=now,
    )


def _mail(row: Row, submission: Submission, content: Content, now: datetime) -> Mail:
    return Mail(
        public_id=uuid.UUID(row.public_id),
        account_id=submission.account_id,
        spooler_id=row.spooler_id,
        submission=submission,
        content=content,
        domain_id=row.domain_id,
        attempt_id=row.mail.attempt_id,
        lane=row.lane,
        email=row.mail.email,
        name=row.mail.name,
        variables=dict(row.mail.variables),
        provider=row.provider,
        due_at=row.due_at,
        not_after=row.not_after,
        created_at=now,
    )
