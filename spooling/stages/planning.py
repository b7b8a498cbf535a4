"""What is to become of each subscription whose turn it is: steps 3 to 5 of Seed contract §5.2, for thousands at once.

Reads, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from spooling.models import MessageSet, Subscription
from spooling.stages import lineups, recipients, wordings
from spooling.stages.recipients import Recipient
from spooling.stages.wordings import Author


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Subscriptions of one account that get their next message, or the last one again.

    Their rows are locked, and ready where that matters. By subscription: `answers` of the remote store (None: it knows
    no address), and `handed`, the ids that the webhook answered for messages it has taken.
    """

    account_id: int
    subscriptions: Sequence[Subscription]
    resend: bool = False
    answers: Mapping[int, str | None] = field(default_factory=dict)
    handed: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message on its way to one recipient. `following` is the next number; None: this one completes the set."""

    subscription: Subscription
    message_set: MessageSet
    message: Any
    following: int | None
    recipient: Recipient
    author: Author | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Each subscription of a batch is in one of these."""

    #: Can be handed to the outbox, or has been handed to the webhook.
    letters: list[Letter] = field(default_factory=list)
    #: To be posted to the webhook.
    posts: list[Letter] = field(default_factory=list)
    #: The remote store has to be asked first.
    unknown: list[Subscription] = field(default_factory=list)
    #: No usable address.
    unreachable: list[Subscription] = field(default_factory=list)
    #: Nothing can be sent, and why.
    failed: dict[int, str] = field(default_factory=dict)

    @property
    def calls(self) -> list[Subscription]:
        """Those that need the network."""
        return self.unknown + [letter.subscription for letter in self.posts]


@dataclass(frozen=True, slots=True)
class _Line:
    """A subscription with its message found."""

    subscription: Subscription
    message: Any
    following: int | None


def plan(batch: Batch, *, now: datetime) -> Plan:
    """Decide for each subscription. Asks nobody over the network."""
    made = Plan()
    sets = MessageSet.objects.in_bulk({subscription.messageset_id for subscription in batch.subscriptions})
    lines = _line_up(batch, made)
    authors = _authors(sets, lines, made)
    lines = [line for line in lines if line.subscription.pk not in made.failed]
    found = recipients.find(
        batch.account_id,
        [line.subscription for line in lines],
        domains={set_id: by.domain_id for set_id, by in authors.items()},
        answers=batch.answers,
        now=now,
    )
    made.unknown.extend(each for each in found.unknown if each.pk not in batch.handed)
    asked = {subscription.pk for subscription in found.unknown}
    for line in lines:
        pk, set_id = line.subscription.pk, line.subscription.messageset_id
        recipient = found.recipients.get(pk) or (Recipient("") if pk in batch.handed else None)
        if recipient is not None:
            letter = _letter(line, sets[set_id], recipient, authors.get(set_id))
            goes = letter.message_set.is_mailed or pk in batch.handed
            (made.letters if goes else made.posts).append(letter)
        elif pk not in asked:
            made.unreachable.append(line.subscription)
    return made


def _line_up(batch: Batch, made: Plan) -> list[_Line]:
    """Each subscription's message; those without one have failed."""
    lines = lineups.read(subscription.messageset_id for subscription in batch.subscriptions)
    places: list[tuple[Subscription, int, int | None]] = []
    for subscription in batch.subscriptions:
        line = lines[subscription.messageset_id, subscription.lang]
        number = subscription.next_sequence_number
        place = line.before(number) if batch.resend else line.at(number)
        if place is None:
            made.failed[subscription.pk] = f"No message {number} in {subscription.lang}."
        else:
            places.append((subscription, line.ids[place], line.after(place)))
    found = wordings.messages({message_id for _, message_id, _ in places}).in_bulk()
    return [
        _Line(subscription, found[pk], following) for subscription, pk, following in places if pk in found
    ]


def _authors(sets: Mapping[int, MessageSet], lines: Sequence[_Line], made: Plan) -> dict[int, Author]:
    """Who the mails of each set are from; where that is refused, all of its subscriptions have failed."""
    authors, refused = {}, {}
    for message_set in sets.values():
        if message_set.is_mailed:
            try:
                authors[message_set.pk] = wordings.author(message_set)
            except wordings.Unusable as error:
                refused[message_set.pk] = error.message
    for line in lines:
        if line.subscription.messageset_id in refused:
            made.failed[line.subscription.pk] = refused[line.subscription.messageset_id]
    return authors


def _letter(line: _Line, message_set: MessageSet, recipient: Recipient, author: Author | None) -> Letter:
    return Letter(
        subscription=line.subscription,
        message_set=message_set,
        message=line.message,
        following=line.following,
        recipient=recipient,
        author=author,
    )
