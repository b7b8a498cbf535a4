"""The outbox's statements on SQLite: one writer at a time, so nothing is ever skipped or locked."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction

from spooling import ledger
from spooling.models import Claim, Content, LedgerDelta, Mail, Pending, Submission
from spooling.models.mails import PENDING
from spooling.outbox import pending, values
from spooling.outbox.drafts import NewContent, NewSubmission, Placed
from spooling.outbox.values import Batch, Order, Result
from stats import events


@transaction.atomic
def insert(submission: NewSubmission, sends: Sequence[Placed], now: datetime) -> tuple[list[int], list[int]]:
    """Store everything; answers the ids of the mails and of the contents, in order."""
    call = Submission.objects.create(
        account_id=submission.account_id,
        api_key_id=submission.api_key_id,
        wire=submission.wire,
        client_reference=submission.client_reference,
        tags=list(submission.tags),
        metadata=dict(submission.metadata),
        created_at=now,
    )
    stored = Content.objects.bulk_create(
        [_content(submission.account_id, send.content, now) for send in sends]
    )
    drafts = [
        mail for send, content in zip(sends, stored, strict=True) for mail in _mails(send, call, content, now)
    ]
    mails = Mail.objects.bulk_create(drafts, batch_size=30)
    pending.leave(mails)
    for spooler_id, count in Counter(mail.spooler_id for mail in mails).items():
        LedgerDelta.objects.create(
            spooler_id=spooler_id, account_id=submission.account_id, at=now, spooled=count, waiting=count
        )
    return [mail.pk for mail in mails], [content.pk for content in stored]


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


def _mails(send: Placed, submission: Submission, content: Content, now: datetime) -> list[Mail]:
    return [
        Mail(
            public_id=uuid.UUID(public_id),
            account_id=submission.account_id,
            spooler_id=send.spooler_id,
            submission=submission,
            content=content,
            domain_id=send.domain_id,
            attempt_id=mail.attempt_id,
            lane=send.lane,
            email=mail.email,
            name=mail.name,
            variables=dict(mail.variables),
            provider=provider,
            due_at=send.due_at,
            not_after=send.not_after,
            created_at=now,
        )
        for public_id, provider, mail in zip(send.public_ids, send.providers, send.mails, strict=True)
    ]


@transaction.atomic
def claim(order: Order, now: datetime) -> Batch | None:
    """Move up to `order.size` due mails to `sending` under a new lease, oldest first; None when none is due."""
    due = Pending.objects.filter(state="waiting", lane=order.lane, provider=order.provider, due_at__lte=now)
    due = (
        due.exclude(spooler_id__in=order.halted)
        if order.spooler_id is None
        else due.filter(spooler_id=order.spooler_id)
    )
    if order.accounts:
        due = due.filter(account_id__in=order.accounts)
    due = due.exclude(account_id__in=order.strangers)
    ids = list(due.order_by("due_at", "mail_id").values_list("mail_id", flat=True)[: order.size])
    if not ids:
        return None
    pending.take(ids, "waiting")
    mails = values.claimed(Mail.objects.filter(id__in=ids).order_by("due_at", "id"))
    lease = Claim.objects.create(
        worker=order.worker.name,
        host=order.worker.host,
        boot=order.worker.boot,
        lane=order.lane,
        leased_until=now + timedelta(seconds=order.lease_seconds),
        created_at=now,
        first_mail_id=min(ids),
        last_mail_id=max(ids),
    )
    Mail.objects.filter(id__in=ids).update(state="sending", claim=lease)
    ledger.book(
        [(mail.account_id, mail.spooler_id) for mail in mails], source="waiting", target="sending", now=now
    )
    return Batch(lease.pk, mails)


_SETTLE = """
UPDATE spooling_mail SET
    state = %s, claim_id = NULL, router_id = %s, tries = tries + %s, last_code = coalesce(%s, last_code),
    last_reply = coalesce(%s, last_reply), due_at = coalesce(%s, due_at), give_up_at = coalesce(give_up_at, %s),
    ended_at = %s
WHERE id = %s
"""


@transaction.atomic
def settle(results: Sequence[Result], *, router_id: int | None, router_name: str, now: datetime) -> int:
    """Move claimed mails to where their results say, with events and ledger. Results of lost claims change nothing.

    Answers how many moved.
    """
    sending = Mail.objects.filter(id__in=[result.mail_id for result in results], state="sending")
    held = {row[0]: _Held(*row) for row in sending.values_list(*_Held._fields)}
    moved = [r for r in results if r.mail_id in held and held[r.mail_id].claim_id == r.claim_id]
    with connection.cursor() as cursor:
        stored_now = connection.ops.adapt_datetimefield_value(now)
        cursor.executemany(_SETTLE, [_settled(result, router_id, stored_now) for result in moved])
    pending.leave(pending.of_ids([result.mail_id for result in moved if result.state in PENDING]))
    events.record(
        [_happening(result, held[result.mail_id], router_name, now) for result in moved if result.kind]
    )
    for state in {result.state for result in moved}:
        places = [held[result.mail_id] for result in moved if result.state == state]
        ledger.book(
            [(mail.account_id, mail.spooler_id) for mail in places], source="sending", target=state, now=now
        )
    return len(moved)


class _Held(NamedTuple):
    """What a settlement needs of a mail that is being sent."""

    id: int
    account_id: int
    domain_id: int | None
    spooler_id: int
    email: str
    provider: str
    claim_id: int


def _settled(result: Result, router_id: int | None, now: Any) -> tuple[Any, ...]:
    stored = connection.ops.adapt_datetimefield_value
    return (
        *(result.state, router_id, result.tries, result.code, None if result.code is None else result.reply),
        *(stored(result.due_at), stored(result.give_up_at)),
        None if result.state in PENDING else now,
        result.mail_id,
    )


def _happening(result: Result, mail: _Held, router_name: str, now: datetime) -> events.Happening:
    detail = {"code": result.code, "reply": result.reply}
    return events.Happening(
        account_id=mail.account_id,
        domain_id=mail.domain_id,
        spooler_id=mail.spooler_id,
        mail_id=mail.id,
        destination=mail.email.rpartition("@")[2].lower(),
        provider=mail.provider,
        router=router_name,
        kind=result.kind,
        at=now,
        detail={name: value for name, value in detail.items() if value is not None},
    )
