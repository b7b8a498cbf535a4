"""Sends messages to subscriptions: one path for one of them and for thousands (Seed contract §5.2).

No network here: what needs it is answered as a call, which `calls` makes outside of any transaction.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.conf import settings

from spooling import errors
from spooling.models import Resend, Subscription
from spooling.models.spoolers import Lane
from spooling.outbox import intake
from spooling.stages import failures, planning, progress, wordings
from spooling.stages.planning import Batch, Letter, Plan
from spooling.stages.wordings import Author, Wording

WIRE = "seed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the subscriptions of a batch; each is in one of these."""

    #: Handed over and moved on.
    sent: set[int] = field(default_factory=set)
    #: Nobody to send to.
    unreachable: set[int] = field(default_factory=set)
    #: Cannot be sent; the reason is kept as a failure.
    failed: dict[int, str] = field(default_factory=dict)
    #: Could not be handed over now, and why.
    later: dict[int, str] = field(default_factory=dict)
    #: Need the network first.
    calls: list[Subscription] = field(default_factory=list)


class _Group(NamedTuple):
    """Letters that share a content."""

    wording: Wording
    author: Author
    letters: list[Letter]


class _Handed(NamedTuple):
    """By subscription: the ids of what was handed over, and why it was not."""

    ids: dict[int, str]
    later: dict[int, str]


def send(batch: Batch, *, now: datetime) -> Outcome:
    """Hand over what can be handed over, move those subscriptions on, and tell what became of each.

    Call it in a transaction that holds the subscriptions' rows: hand-over, positions, chaining and counts are
    committed together or not at all.
    """
    plan = planning.plan(batch, now=now)
    groups = _group(plan, batch)
    handed = _hand_over(batch.account_id, groups, now)
    outside = plan.failed.keys() | handed.later.keys()
    gone = [letter for letter in plan.letters if letter.subscription.pk not in outside]
    _conclude(batch, gone, handed.ids | dict(batch.handed), now)
    progress.halt(batch.account_id, plan.unreachable, now=now)
    failures.note(batch.account_id, plan.failed, now=now)
    return Outcome(
        sent={letter.subscription.pk for letter in gone},
        unreachable={subscription.pk for subscription in plan.unreachable},
        failed=plan.failed,
        later=handed.later,
        calls=plan.calls,
    )


def is_dry(message_set_id: int) -> bool:
    """Whether the set only rehearses: everything happens but the hand-over."""
    return message_set_id in settings.DRY_RUN_MESSAGESETS


def _group(plan: Plan, batch: Batch) -> list[_Group]:
    """What goes to the outbox, by content; a message that cannot be made into one has failed."""
    by_content: defaultdict[tuple[int, str | None], list[Letter]] = defaultdict(list)
    for letter in plan.letters:
        if letter.subscription.pk not in batch.handed and not is_dry(letter.message_set.pk):
            prepend = None if batch.resend else wordings.prepend_of(letter.subscription)
            by_content[letter.message.pk, prepend].append(letter)
    groups = []
    for (_, prepend), letters in by_content.items():
        first = letters[0]
        assert first.author is not None
        try:
            wording = wordings.make(first.message_set, first.message, prepend, first.author)
        except wordings.Unusable as error:
            plan.failed.update({letter.subscription.pk: error.message for letter in letters})
        else:
            groups.append(_Group(wording, first.author, letters))
    return groups


def _hand_over(account_id: int, groups: Sequence[_Group], now: datetime) -> _Handed:
    """To the outbox: as much as the account's limits let through, in order."""
    letters = [letter for group in groups for letter in group.letters]
    if not letters:
        return _Handed({}, {})
    try:
        submission = intake.NewSubmission(account_id=account_id, wire=WIRE, bounded=False)
        accepted = intake.accept(submission, [_send_of(group) for group in groups], now=now)
    except errors.LimitReached as refused:
        return _hand_over_some(account_id, groups, refused.message, now)
    return _Handed(
        {letter.subscription.pk: mail.hex for letter, mail in zip(letters, accepted, strict=True)}, {}
    )


def _hand_over_some(account_id: int, groups: Sequence[_Group], why: str, now: datetime) -> _Handed:
    """The first half; the other one too, if all of the first got through."""
    letters = [(group, letter) for group in groups for letter in group.letters]
    if len(letters) == 1:
        return _Handed({}, {letters[0][1].subscription.pk: why})
    middle = len(letters) // 2
    first = _hand_over(account_id, _regroup(letters[:middle]), now)
    if first.later:
        rest = {letter.subscription.pk: why for _, letter in letters[middle:]}
        return _Handed(first.ids, first.later | rest)
    second = _hand_over(account_id, _regroup(letters[middle:]), now)
    return _Handed(first.ids | second.ids, second.later)


def _regroup(letters: Sequence[tuple[_Group, Letter]]) -> list[_Group]:
    runs = itertools.groupby(letters, key=lambda pair: id(pair[0]))
    together = [list(run) for _, run in runs]
    return [run[0][0]._replace(letters=[letter for _, letter in run]) for run in together]


def _send_of(group: _Group) -> intake.NewSend:
    return intake.NewSend(
        content=group.wording.content,
        mails=tuple(_mail(group.wording, letter) for letter in group.letters),
        lane=Lane.BULK,
        domain_id=group.author.domain_id,
    )


def _mail(wording: Wording, letter: Letter) -> intake.NewMail:
    shown = (
        wordings.variables(letter.subscription, letter.message, letter.recipient) if wording.personal else {}
    )
    return intake.NewMail(email=letter.recipient.email, name=letter.recipient.name, variables=shown)


def _conclude(batch: Batch, gone: Sequence[Letter], ids: Mapping[int, str], now: datetime) -> None:
    """Positions, or the record of what was sent again; and the counts."""
    if batch.resend:
        progress.touch(gone, now=now)
        Resend.objects.bulk_create(
            Resend(
                subscription=letter.subscription,
                message=letter.message,
                outbound_id=ids.get(letter.subscription.pk, ""),
                created_at=now,
            )
            for letter in gone
        )
    else:
        progress.advance(gone, now=now)
    real = [letter for letter in gone if not is_dry(letter.message_set.pk)]
    progress.count(batch.account_id, real, now=now)
