"""Addresses that get no mail: who decides that, and the look-up for a batch."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.db import connection

from earwig import addresses, mailboxes, sealing
from earwig.models import Account, Domain
from spooling.models import Suppression
from spooling.models.suppressions import SuppressionReason

#: Enhanced status codes (RFC 3463) that say the mailbox or its domain does not exist.
_NO_SUCH_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})
#: Basic codes that say so where a server gives no enhanced one (RFC 5321 §4.2.3), as the answer to RCPT.
_NO_SUCH_MAILBOX = frozenset({550, 551, 553})
_AMONG = {
    "postgresql": "address_hash = ANY (%s)",
    "sqlite": "address_hash IN (SELECT value FROM json_each(%s))",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where a suppression holds: an account (None: the installation), a sending domain, a stream; empty is all."""

    account_id: int | None
    domain: str = ""
    stream: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A server's 5xx to one recipient."""

    account_id: int
    email: str
    stage: str
    code: int
    enhanced: str


class Recipient(Protocol):
    """Whom a mail of which account goes to, on which lane."""

    @property
    def account_id(self) -> int: ...

    @property
    def email(self) -> str: ...

    @property
    def lane(self) -> str: ...

    @property
    def domain_id(self) -> int | None: ...


#: Where a suppression was found: hash, account id, stream, sending domain.
_Place = tuple[str, int | None, str, str]


def suppress(scope: Scope, address: str, *, reason: str, source: str, now: datetime) -> Suppression:
    """Send nothing more to `address` in `scope`. Repeating it keeps the first reason and clears an expiry.

    Raises InvalidAddress.
    """
    return _store(scope, mailboxes.normal(address), reason=reason, source=source, now=now)


def _store(scope: Scope, address: str, *, reason: str, source: str, now: datetime) -> Suppression:
    account = None if scope.account_id is None else Account(pk=scope.account_id)
    row, _ = Suppression.objects.update_or_create(
        account=account,
        address_hash=sealing.address_hash(address),
        domain=addresses.canonical_domain(scope.domain),
        stream=scope.stream,
        defaults={"expires_at": None, "address": address},
        create_defaults={"reason": reason, "source": source, "created_at": now, "address": address},
    )
    return row


def note_refusals(refusals: Iterable[Refusal], *, now: datetime) -> None:
    """Suppress what the servers' words say does not exist; a refusal of policy or content suppresses nobody."""
    for refusal in refusals:
        if is_hard_bounce(refusal):
            scope = Scope(account_id=refusal.account_id)
            # The outbox checked the address; a mail of an older rule must not stop a worker.
            _store(scope, refusal.email, reason=SuppressionReason.HARD_BOUNCE, source="smtp", now=now)


def is_hard_bounce(refusal: Refusal) -> bool:
    """Whether the address itself was refused, not this mail."""
    if refusal.enhanced:
        return refusal.enhanced in _NO_SUCH_ADDRESS
    return refusal.stage == "rcpt" and refusal.code in _NO_SUCH_MAILBOX


def reasons(recipients: Sequence[Recipient], *, now: datetime) -> list[str | None]:
    """Why each recipient gets no mail, None for those who do; one look-up for all."""
    hashes = [sealing.address_hash(recipient.email) for recipient in recipients]
    found = _found(hashes, now)
    if not found:
        return [None] * len(recipients)
    names = _domain_names(recipients) if any(domain for _, _, _, domain in found) else {}
    return [
        next((found[place] for place in _places(digest, recipient, names) if place in found), None)
        for digest, recipient in zip(hashes, recipients, strict=True)
    ]


def _found(hashes: Sequence[str], now: datetime) -> dict[_Place, str]:
    """Reasons by place. One parameter for all hashes: an IN list costs more than the look-up."""
    listed = list(hashes) if connection.vendor == "postgresql" else json.dumps(hashes)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT address_hash, account_id, stream, domain, reason FROM spooling_suppression
            WHERE {_AMONG[connection.vendor]} AND (expires_at IS NULL OR expires_at > %s)
            """,
            [listed, connection.ops.adapt_datetimefield_value(now)],
        )
        return {(row[0], row[1], row[2], row[3]): row[4] for row in cursor.fetchall()}


def _domain_names(recipients: Sequence[Recipient]) -> dict[int | None, str]:
    ids = {recipient.domain_id for recipient in recipients if recipient.domain_id is not None}
    return dict(Domain.objects.filter(pk__in=ids).values_list("pk", "name"))


def _places(digest: str, recipient: Recipient, names: Mapping[int | None, str]) -> Iterator[_Place]:
    own = names.get(recipient.domain_id, "")
    accounts, streams = (recipient.account_id, None), ("", recipient.lane)
    for account_id, stream, domain in itertools.product(accounts, streams, dict.fromkeys(("", own))):
        yield digest, account_id, stream, domain
