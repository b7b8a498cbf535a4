"""Addresses that get no mail: who decides that, and the look-up for a batch."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from earwig import addresses, domains, errors, mailboxes, sealing
from earwig.models import Account, Domain
from spooling.models import Spooler, Suppression
from spooling.models.spoolers import Lane
from spooling.models.suppressions import SuppressionReason
from stats import events
from stats.models import EventKind

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
class Occasion:
    """The mail by which something was learned of its recipient: `address_hash` stands for an erased `email`."""

    account_id: int
    domain_id: int | None
    spooler_id: int
    mail_id: int
    destination: str
    provider: str
    router: str
    lane: str
    email: str
    address_hash: str = ""

    def happening(
        self, kind: EventKind, *, at: datetime, counts: int = 1, detail: dict[str, Any]
    ) -> events.Happening:
        """What happened to the mail, to be recorded."""
        return events.Happening(
            account_id=self.account_id,
            domain_id=self.domain_id,
            spooler_id=self.spooler_id,
            mail_id=self.mail_id,
            destination=self.destination,
            provider=self.provider,
            router=self.router,
            lane=self.lane,
            kind=kind,
            at=at,
            counts=counts,
            detail=detail,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A server's 5xx to one recipient."""

    occasion: Occasion
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
    address = mailboxes.normal(address)
    who = _Addressee(address, sealing.address_hash(address))
    return _store(scope, who, reason=reason, source=source, now=now)[0]


def checked_domain(name: str) -> str:
    """The domain of a scope in its canonical form; empty is all. Raises InvalidDomain."""
    name = addresses.canonical_domain(name)
    if name and not addresses.is_domain(name):
        raise errors.InvalidDomain
    return name


class _Addressee(NamedTuple):
    """An address, which may be erased, and its hash."""

    address: str
    digest: str


def _store(
    scope: Scope, who: _Addressee, *, reason: str, source: str, now: datetime
) -> tuple[Suppression, bool]:
    """The row, and whether it is new."""
    account = None if scope.account_id is None else Account(pk=scope.account_id)
    known = {"address": who.address} if who.address else {}
    return Suppression.objects.update_or_create(
        account=account,
        address_hash=who.digest,
        domain=addresses.canonical_domain(scope.domain),
        stream=scope.stream,
        defaults={"expires_at": None, **known},
        create_defaults={"reason": reason, "source": source, "created_at": now, **known},
    )


#: How far each lesson reaches: of the sending domain alone, and on which stream. Who complains or wants no more of a
#: list still gets a password; an address that does not exist gets nothing.
_REACHES = {
    SuppressionReason.HARD_BOUNCE: (False, ""),
    SuppressionReason.COMPLAINT: (False, Lane.BULK),
    SuppressionReason.UNSUBSCRIBE: (True, Lane.BULK),
}


@transaction.atomic
def learn(occasion: Occasion, *, reason: SuppressionReason, source: str, now: datetime) -> bool:
    """Suppress a mail's recipient for what came back: a hard bounce, a complaint, an unsubscription. Answers whether
    that is new; then an event tells it, so that lists drop the address. Of a draft no event tells.
    """
    email = occasion.email
    # Taken as it is: the outbox checked it, and a mail of an older rule must not stop a worker.
    digest = sealing.address_hash(email) if email else occasion.address_hash
    if not digest:
        return False
    of_domain, stream = _REACHES[reason]
    domain = domains.name_of(occasion.domain_id) if of_domain else ""
    scope = Scope(account_id=occasion.account_id, domain=domain, stream=stream)
    _, new = _store(scope, _Addressee(email, digest), reason=reason, source=source, now=now)
    if new and not Spooler.objects.drafts_among([occasion.spooler_id]):
        events.record([occasion.happening(EventKind.SUPPRESSED, at=now, detail={"reason": reason.value})])
    return new


def note_refusals(refusals: Iterable[Refusal], *, now: datetime) -> None:
    """Suppress what the servers' words say does not exist; a refusal of policy or content suppresses nobody."""
    for refusal in refusals:
        if is_hard_bounce(refusal):
            learn(refusal.occasion, reason=SuppressionReason.HARD_BOUNCE, source="smtp", now=now)


def is_hard_bounce(refusal: Refusal) -> bool:
    """Whether the address itself was refused, not this mail."""
    if refusal.enhanced:
        return refusal.enhanced in _NO_SUCH_ADDRESS
    return refusal.stage == "rcpt" and refusal.code in _NO_SUCH_MAILBOX


def holding(recipient: Recipient, *, now: datetime) -> QuerySet[Suppression]:
    """All that keeps mail from this recipient, oldest first; `reasons` tells one of them for many at a time."""
    name = _domain_names([recipient]).get(recipient.domain_id, "")
    rows = Suppression.objects.filter(
        Q(account=recipient.account_id) | Q(account=None),
        Q(expires_at=None) | Q(expires_at__gt=now),
        address_hash=sealing.address_hash(recipient.email),
        domain__in=("", name),
        stream__in=("", recipient.lane),
    )
    return rows.order_by("created_at")


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
