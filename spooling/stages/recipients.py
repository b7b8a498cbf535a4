"""Whom an identity's messages go to: the address in the contract's order (Seed contract §5.4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings

from earwig import addresses, errors, mailboxes
from earwig.models import ContactDetail, Person
from earwig.models.people import ContactType
from spooling import suppressions
from spooling.models import Subscription
from spooling.models.spoolers import Lane

#: Key of a subscription's metadata that names an address.
EMAIL = "email"


class Recipient(NamedTuple):
    """An address and what is known of the person behind it."""

    email: str
    name: str = ""
    attributes: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Found:
    """By subscription: who gets its message; those that the remote store has to be asked about; the rest has nobody."""

    recipients: dict[int, Recipient] = field(default_factory=dict)
    unknown: list[Subscription] = field(default_factory=list)


class _Known(NamedTuple):
    name: str = ""
    attributes: Mapping[str, Any] = {}
    contacts: tuple[str, ...] = ()
    #: Canonical.
    blocked: frozenset[str] = frozenset()


class _Candidate(NamedTuple):
    """As `suppressions` asks for it."""

    account_id: int
    email: str
    lane: str
    domain_id: int | None


def find(
    account_id: int,
    subscriptions: Sequence[Subscription],
    *,
    domains: Mapping[int, int | None],
    answers: Mapping[int, str | None],
    now: datetime,
) -> Found:
    """Who gets the message of each subscription of one account.

    `domains`: the sending domain by message set. `answers`: what the remote store said, by subscription; it is asked
    about those without an answer for whom nothing is known here. An address that is suppressed, or that the person's
    contact of the same address is blocked for, counts as none.
    """
    people = _people(account_id, {subscription.identity for subscription in subscriptions})
    pairs = [
        (subscription, _Candidate(account_id, email, Lane.BULK, domains.get(subscription.messageset_id)))
        for subscription in subscriptions
        for email in _emails(subscription, people[subscription.identity], answers.get(subscription.pk))
    ]
    reasons = suppressions.reasons([candidate for _, candidate in pairs], now=now)
    found = Found()
    for (subscription, candidate), reason in zip(pairs, reasons, strict=True):
        if reason is None and subscription.pk not in found.recipients:
            known = people[subscription.identity]
            found.recipients[subscription.pk] = Recipient(candidate.email, known.name, known.attributes)
    if settings.IDENTITY_STORE_URL:
        named = {subscription.pk for subscription, _ in pairs} | answers.keys()
        found.unknown.extend(subscription for subscription in subscriptions if subscription.pk not in named)
    return found


def _people(account_id: int, identities: Iterable[str]) -> Mapping[str, _Known]:
    people = Person.objects.filter(account=account_id, external_id__in=identities)
    rows = list(people.values_list("pk", "external_id", "name", "attributes"))
    contacts: defaultdict[int, list[tuple[str, bool]]] = defaultdict(list)
    details = ContactDetail.objects.filter(person__in=[row[0] for row in rows], type=ContactType.EMAIL)
    for person_id, value, blocked in details.order_by("id").values_list("person_id", "value", "blocked"):
        contacts[person_id].append((value, blocked))
    known = {
        external_id: _known(name, attributes, contacts[pk]) for pk, external_id, name, attributes in rows
    }
    return defaultdict(_Known, known)


def _known(name: str, attributes: Mapping[str, Any], contacts: Sequence[tuple[str, bool]]) -> _Known:
    return _Known(
        name,
        attributes,
        tuple(value for value, blocked in contacts if not blocked),
        frozenset(addresses.canonical(value) for value, blocked in contacts if blocked),
    )


def _emails(subscription: Subscription, known: _Known, answer: str | None) -> list[str]:
    """What may be tried, best first."""
    candidates: list[Any] = [*known.contacts]
    candidates += [(subscription.metadata or {}).get(EMAIL), subscription.identity, answer]
    usable = dict.fromkeys(email for email in map(_address, candidates) if email)
    if not known.blocked:
        return list(usable)
    return [email for email in usable if addresses.canonical(email) not in known.blocked]


def _address(value: Any) -> str | None:
    if not isinstance(value, str) or "@" not in value:
        return None
    try:
        return mailboxes.normal(value.strip())
    except errors.InvalidAddress:
        return None
