"""The outbox's statements on SQLite: one writer at a time, so nothing is ever skipped or locked."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import QuerySet

from spooling import ledger
from spooling.models import Attachment, Claim, Content, LedgerDelta, Mail, Pending, Spooler, Submission
from spooling.models.mails import PENDING, MailState
from spooling.outbox import contents, pending, values
from spooling.outbox.drafts import NewSubmission, Placed
from spooling.outbox.values import Batch, Order, Result
from stats import events
from stats.models import EventKind


@transaction.atomic
def insert(submission: NewSubmission, sends: Sequence[Placed], now: datetime) -> tuple[list[int], list[int]]:
    """Store everything; answers the ids of the mails and of the contents, in order."""
    calls = {number: _call(submission, now) for number in sorted({send.call for send in sends})}
    new = [send.content for send in sends if send.content is not None]
    stored = [
        content.pk
        for content in Content.objects.bulk_create(contents.rows(submission.account_id, new, now=now))
    ]
    fresh = iter(stored)
    drafts = [
        mail
        for send in sends
        for mail in _mails(
            send, calls[send.call], next(fresh) if send.content_id is None else send.content_id, now
        )
    ]
    mails = Mail.objects.bulk_create(drafts, batch_size=30)
    pending.leave(mail for mail in mails if mail.state == MailState.WAITING)
    untold = Spooler.objects.drafts_among(mail.spooler_id for mail in mails)
    told = [mail for mail in mails if mail.spooler_id not in untold]
    events.record([happening for mail in told for happening in _spooled(mail, now)])
    _book(mails, now)
    return [mail.pk for mail in mails], stored


def _call(submission: NewSubmission, now: datetime) -> Submission:
    return Submission.objects.create(
        account_id=submission.account_id,
        api_key_id=submission.api_key_id,
        wire=submission.wire,
        client_reference=submission.client_reference,
        tags=list(submission.tags),
        metadata=dict(submission.metadata),
        created_at=now,
    )


def insert_details(account_id: int, details: Sequence[contents.Detail]) -> None:
    """Store the messages and the handling of contents that were stored in this transaction."""
    told = [detail for detail in details if detail.raw]
    rows = Attachment.objects.bulk_create(
        Attachment(account_id=account_id, digest=detail.digest, data=detail.raw) for detail in told
    )
    raw_ids = {detail.content_id: row.pk for detail, row in zip(told, rows, strict=True)}
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE spooling_content SET raw_id = %s, handling = %s WHERE id = %s",
            [(raw_ids.get(each.content_id), each.handling or None, each.content_id) for each in details],
        )


def _book(mails: Iterable[Mail], now: datetime) -> None:
    states: defaultdict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    for mail in mails:
        states[mail.account_id, mail.spooler_id][mail.state] += 1
    LedgerDelta.objects.bulk_create(
        LedgerDelta(
            spooler_id=spooler_id,
            account_id=account_id,
            at=now,
            spooled=counts.total(),
            waiting=counts[MailState.WAITING],
            blocked=counts[MailState.BLOCKED],
        )
        for (account_id, spooler_id), counts in states.items()
    )


def _mails(send: Placed, submission: Submission, content_id: int, now: datetime) -> list[Mail]:
    return [
        Mail(
            public_id=uuid.UUID(public_id),
            account_id=submission.account_id,
            spooler_id=send.spooler_id,
            submission=submission,
            content_id=content_id,
            domain_id=send.domain_id,
            attempt_id=mail.attempt_id,
            lane=send.lane,
            email=mail.email,
            name=mail.name,
            variables=dict(mail.variables),
            tags=list(mail.tags) or None,
            provider=provider,
            state=mail.state,
            last_reply=f"suppressed: {mail.suppressed}" if mail.suppressed else "",
            due_at=send.due_at,
            not_after=send.not_after,
            created_at=now,
            ended_at=now if mail.suppressed else None,
        )
        for public_id, provider, mail in zip(send.public_ids, send.providers, send.mails, strict=True)
    ]


def _spooled(mail: Mail, now: datetime) -> Iterator[events.Happening]:
    told: list[tuple[str, dict[str, Any]]] = [(EventKind.SPOOLED, {})]
    if mail.state == MailState.BLOCKED:
        told.append((EventKind.BLOCKED, {"why": mail.last_reply}))
    for kind, detail in told:
        yield events.Happening(
            account_id=mail.account_id,
            domain_id=mail.domain_id,
            spooler_id=mail.spooler_id,
            mail_id=mail.pk,
            destination=mail.email.rpartition("@")[2].lower(),
            provider=mail.provider,
            router="",
            lane=mail.lane,
            kind=kind,
            at=now,
            detail=detail,
        )


@transaction.atomic
def claim(order: Order, now: datetime) -> Batch | None:
    """Move up to `order.size` due mails to `sending` under a new lease, oldest first; None when none is due."""
    oldest = _due(order, now).order_by("due_at", "mail_id")
    ids = list(oldest.values_list("mail_id", flat=True)[: order.size])
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


def _due(order: Order, now: datetime) -> QuerySet[Pending]:
    due = Pending.objects.filter(state="waiting", lane=order.lane, provider=order.provider, due_at__lte=now)
    due = (
        due.exclude(spooler_id__in=order.halted)
        if order.spooler_id is None
        else due.filter(spooler_id=order.spooler_id)
    )
    if order.accounts:
        due = due.filter(account_id__in=order.accounts)
    return due.exclude(account_id__in=order.strangers)


_SETTLE = """
UPDATE spooling_mail SET
    state = %s, claim_id = NULL, router_id = %s, tries = tries + %s, last_code = coalesce(%s, last_code),
    last_reply = coalesce(%s, last_reply), due_at = coalesce(%s, due_at), give_up_at = coalesce(give_up_at, %s),
    ended_at = %s,
    deferral = CASE WHEN %s = '' THEN deferral ELSE deferral %% 2 * 2 + %s END
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
    drafts = Spooler.objects.drafts_among(mail.spooler_id for mail in held.values())
    told = [result for result in moved if result.kind and held[result.mail_id].spooler_id not in drafts]
    events.record([_happening(result, held[result.mail_id], router_name, now) for result in told])
    for state in {result.state for result in moved}:
        places = [held[result.mail_id] for result in moved if result.state == state]
        ledger.book(
            [(mail.account_id, mail.spooler_id) for mail in places], source="sending", target=state, now=now
        )
    deferred = [held[result.mail_id] for result in moved if result.kind == EventKind.TEMPFAIL]
    ledger.note_deferrals([(mail.account_id, mail.spooler_id) for mail in deferred], now=now)
    return len(moved)


class _Held(NamedTuple):
    """What a settlement needs of a mail that is being sent."""

    id: int
    account_id: int
    domain_id: int | None
    spooler_id: int
    email: str
    provider: str
    lane: str
    claim_id: int
    deferral: int


def _settled(result: Result, router_id: int | None, now: Any) -> tuple[Any, ...]:
    stored = connection.ops.adapt_datetimefield_value
    return (
        *(result.state, router_id, result.tries, result.code, None if result.code is None else result.reply),
        *(stored(result.due_at), stored(result.give_up_at)),
        None if result.state in PENDING else now,
        *(result.kind, int(result.kind == EventKind.TEMPFAIL)),
        result.mail_id,
    )


def _happening(result: Result, mail: _Held, router_name: str, now: datetime) -> events.Happening:
    detail = {"code": result.code, "reply": result.reply, "stage": result.stage}
    return events.Happening(
        account_id=mail.account_id,
        domain_id=mail.domain_id,
        spooler_id=mail.spooler_id,
        mail_id=mail.id,
        destination=mail.email.rpartition("@")[2].lower(),
        provider=mail.provider,
        router=router_name,
        lane=mail.lane,
        kind=result.kind,
        at=now,
        ends=EventKind.TEMPFAIL if mail.deferral % 2 else "",
        detail={name: value for name, value in detail.items() if value is not None},
    )
