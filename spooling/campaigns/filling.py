"""Adds recipients to a campaign, thousands a call. A hot path: plain functions, and few statements for all of a call."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from earwig import errors as earwig_errors
from earwig import mailboxes
from spooling import errors, suppressions
from spooling.campaigns import differences, locks, messages
from spooling.campaigns.compositions import Message
from spooling.campaigns.differences import Group
from spooling.models import Content, Spooler
from spooling.models.mails import MailState
from spooling.models.spoolers import Lane, SpoolerState
from spooling.outbox import intake
from spooling.outbox.drafts import Accepted, NewMail, NewSend, NewSubmission

#: What may have become of an entry.
SPOOLED, BLOCKED, DUPLICATE = "spooled", "blocked", "duplicate"

_WORDS = {MailState.WAITING.value: SPOOLED, MailState.BLOCKED.value: BLOCKED}
# One probe of the index (email, spooler) an address, whatever the planner believes of a campaign that grew a second
# ago: as rows are compared and ordered, no other index serves.
_KNOWN = {
    "postgresql": """
        SELECT found.email, found.id FROM unnest(%s::varchar[]) AS wanted (email) CROSS JOIN LATERAL (
            SELECT mail.email, encode(uuid_send(mail.public_id), 'hex') AS id FROM spooling_mail AS mail
            WHERE (mail.email, mail.spooler_id) >= (wanted.email, %s::bigint)
                AND (mail.email, mail.spooler_id) <= (wanted.email, %s::bigint)
            ORDER BY mail.email, mail.spooler_id LIMIT 1
        ) AS found
    """,
    "sqlite": """
        SELECT email, public_id FROM spooling_mail
        WHERE email IN (SELECT value FROM json_each(%s)) AND spooler_id BETWEEN %s AND %s
    """,
}


class Entry(NamedTuple):
    """A recipient, and what its mail says differently from the others."""

    email: str
    name: str = ""
    variables: Mapping[str, str] = {}
    tags: tuple[str, ...] = ()
    override: Message | None = None


class Outcome(NamedTuple):
    """What became of an entry; a duplicate has the id of the mail that was there before."""

    email: str
    id: str
    status: str


class _Recipient(NamedTuple):
    """As `suppressions.Recipient` has it."""

    account_id: int
    email: str
    lane: str
    domain_id: int | None


@dataclass(frozen=True, slots=True)
class _Call:
    """The campaign as it is held, and who adds to it when."""

    spooler: Spooler
    submission: NewSubmission
    now: datetime


def add(
    spooler: Spooler, entries: Sequence[Entry], *, api_key_id: int | None, now: datetime, wire: str = "native"
) -> list[Outcome]:
    """Store a mail for each entry, or none at all; answers in order.

    Suppressed addresses are stored as blocked, and a bulk campaign stores an address once. Raises FieldsRefused and
    UnknownResource, whose fields are those of `mails[3]`; SpoolerLocked, MessageIncomplete and LimitReached.
    """
    emails = addresses(entries)
    differences.check(spooler, [entry.override for entry in entries])
    submission = NewSubmission(account_id=spooler.account_id, wire=wire, api_key_id=api_key_id)
    with transaction.atomic():
        call = _Call(locks.taking_mail(spooler), submission, now)
        once = call.spooler.lane == Lane.BULK
        known = _known(call.spooler.pk, emails) if once else {}
        indices = _new(emails, known) if once else range(len(emails))
        stored = _store(call, entries, _mails(call, entries, emails, indices))
    ids = known | {mail.email: mail.hex for mail in stored.values()}
    return [_outcome(email, stored.get(index), ids) for index, email in enumerate(emails)]


def _outcome(email: str, mail: Accepted | None, ids: Mapping[str, str]) -> Outcome:
    if mail is None:
        return Outcome(email, ids[email], DUPLICATE)
    return Outcome(email, mail.hex, _WORDS[mail.state])


def addresses(entries: Sequence[Entry]) -> list[str]:
    """Each entry's address as the outbox keeps it. Raises FieldsRefused."""
    normal = mailboxes.normal
    emails: list[str] = []
    flaws: dict[str, str] = {}
    for index, entry in enumerate(entries):
        try:
            emails.append(normal(entry.email))
        except earwig_errors.InvalidAddress as error:
            flaws[f"mails[{index}].email"] = error.message
            if len(flaws) >= errors.MOST_NAMED:
                # A million wrong ones are not all read to name a hundred.
                break
    if flaws:
        raise errors.FieldsRefused(fields=flaws)
    return emails


def _known(spooler_id: int, emails: Sequence[str]) -> dict[str, str]:
    """The ids of the campaign's mails to these addresses, by address."""
    listed = list(emails) if connection.vendor == "postgresql" else json.dumps(emails)
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN[connection.vendor], [listed, spooler_id, spooler_id])
        return dict(cursor.fetchall())


def _new(emails: Sequence[str], known: Collection[str]) -> list[int]:
    """Where the addresses first stand that the campaign does not have yet."""
    first: dict[str, int] = {}
    for index, email in enumerate(emails):
        if email not in known:
            first.setdefault(email, index)
    return list(first.values())


def _mails(
    call: _Call, entries: Sequence[Entry], emails: Sequence[str], indices: Iterable[int]
) -> dict[int, NewMail]:
    """What is stored for these entries, by their places."""
    indices = list(indices)
    account_id, lane, domain_id = call.spooler.account_id, call.spooler.lane, call.spooler.domain_id
    recipients = [_Recipient(account_id, emails[index], lane, domain_id) for index in indices]
    reasons = suppressions.reasons(recipients, now=call.now)
    return {
        index: NewMail(
            emails[index], entries[index].name, entries[index].variables, None, entries[index].tags, why or ""
        )
        for index, why in zip(indices, reasons, strict=True)
    }


def _store(call: _Call, entries: Sequence[Entry], mails: Mapping[int, NewMail]) -> dict[int, Accepted]:
    """The stored mails, by the places of their entries."""
    if not mails:
        return {}
    content_id = messages.own_content(call.spooler, now=call.now)
    groups = differences.groups({index: entries[index].override for index in mails})
    if any(group.shares_content for group in groups):
        _require_content(call.spooler)
    stored: dict[int, Accepted] = {}
    for batch in differences.batches(call.spooler, groups):
        sends = [_send(call, group, mails, content_id) for group in batch]
        indices = [index for group in batch for index in group.indices]
        with named(indices):
            accepted = intake.accept(call.submission, sends, now=call.now)
        stored.update(zip(indices, accepted, strict=True))
        differences.attach(batch, stored)
    return stored


@contextmanager
def named(indices: Sequence[int]) -> Iterator[None]:
    """Whose variables the outbox refuses, by the path of the entry: `indices` are those of the mails in order."""
    try:
        yield
    except errors.VariablesRefused as refused:
        path = f"mails[{indices[refused.place]}].variables"
        raise errors.FieldsRefused(fields={path: refused.message}) from None


def _send(call: _Call, group: Group, mails: Mapping[int, NewMail], content_id: int) -> NewSend:
    return NewSend(
        content=group.content,
        content_id=content_id if group.content is None else None,
        mails=tuple([mails[index] for index in group.indices]),
        lane=call.spooler.lane,
        spooler_id=call.spooler.pk,
        domain_id=call.spooler.domain_id,
    )


def _require_content(spooler: Spooler) -> None:
    """Before the launch, note that the message is needed; after it, see that there is one. Raises MessageIncomplete."""
    if spooler.state == SpoolerState.PENDING:
        Spooler.objects.filter(pk=spooler.pk, shares_content=False).update(shares_content=True)
    elif not spooler.shares_content and not _has_body(spooler):
        raise errors.MessageIncomplete(fields={"parts": "Neither the mail nor the campaign has any."})


def _has_body(spooler: Spooler) -> bool:
    return Content.objects.filter(pk=spooler.content_id or 0).exclude(text="", html="").exists()
