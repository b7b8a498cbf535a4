"""Attempts to reach a recipient, and how their outcomes move the recipient's status (handoff contract §5,
§6.1).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction

from earwig.messages import contacts
from earwig.models import ContactDetail, DeliveryAttempt, MessageRecipient
from earwig.models.messages import AttemptStatus, RecipientStatus

#: Nothing final is known of an attempt in one of these.
OPEN = (AttemptStatus.SCHEDULED, AttemptStatus.RETRY)
REACHED = (AttemptStatus.SENT, AttemptStatus.SUCCESS)

#: From which states an outcome may come. Whatever else is asked changes nothing: an outcome that arrives
#: late, after the recipient's own word.
_BEFORE: dict[str, tuple[AttemptStatus, ...]] = {
    AttemptStatus.RETRY: (AttemptStatus.SCHEDULED,),
    AttemptStatus.SENT: OPEN,
    AttemptStatus.SUCCESS: (*OPEN, AttemptStatus.SENT),
    AttemptStatus.INVALID: OPEN,
    AttemptStatus.BAD_DATA: (*OPEN, *REACHED),
    AttemptStatus.BLOCKED: (*OPEN, *REACHED),
}


@transaction.atomic
def begin(recipients: Sequence[MessageRecipient], *, now: datetime) -> list[DeliveryAttempt]:
    """The first attempt of each row, which becomes `pending`; a row that cannot be reached becomes `expired`.

    The caller holds the locks of the rows, all of them `unscheduled`.
    """
    chosen = contacts.choose(recipients)
    attempts = _create(recipients, chosen, now)
    _move(chosen, RecipientStatus.PENDING)
    _move([row.pk for row in recipients if row.pk not in chosen], RecipientStatus.EXPIRED)
    return attempts


@transaction.atomic
def conclude(outcomes: Mapping[int, AttemptStatus], *, now: datetime) -> list[DeliveryAttempt]:
    """Record what became of attempts, by id, and move their rows.

    Returns the attempts that follow failed ones by another contact: `scheduled`, not handed over yet.
    """
    touched = DeliveryAttempt.objects.filter(pk__in=outcomes).values("recipient_id")
    recipients = list(MessageRecipient.objects.select_for_update().filter(pk__in=touched).order_by("pk"))
    by_status: defaultdict[AttemptStatus, list[int]] = defaultdict(list)
    for attempt_id, status in outcomes.items():
        by_status[status].append(attempt_id)
    for status, ids in by_status.items():
        DeliveryAttempt.objects.filter(pk__in=ids, status__in=_BEFORE[status]).update(
            status=status, updated_at=now
        )
    return follow(recipients, now=now)


def new_among(outcomes: Mapping[int, AttemptStatus]) -> list[tuple[int, AttemptStatus]]:
    """Those of the outcomes, by attempt, that `conclude` would record; the others are known or come too late."""
    if not outcomes:
        return []
    known = DeliveryAttempt.objects.filter(pk__in=outcomes).values_list("pk", "status")
    return [(pk, outcomes[pk]) for pk, status in known if status in _BEFORE[outcomes[pk]]]


def follow(recipients: Sequence[MessageRecipient], *, now: datetime) -> list[DeliveryAttempt]:
    """Give each row the status that its attempts add up to, and an attempt by the next contact where all
    failed.

    The caller holds the locks of the rows. `expired` is the end: such a row is left alone.
    """
    statuses = _statuses([row.pk for row in recipients])
    moves: defaultdict[RecipientStatus, list[int]] = defaultdict(list)
    lost = []
    for row in recipients:
        if row.status == RecipientStatus.EXPIRED:
            continue
        status = status_of(statuses[row.pk])
        if status is None:
            lost.append(row)
        elif status != row.status:
            moves[status].append(row.pk)
    chosen = contacts.choose(lost) if lost else {}
    moves[RecipientStatus.ATTEMPTED] += chosen
    moves[RecipientStatus.EXPIRED] += [row.pk for row in lost if row.pk not in chosen]
    for target, ids in moves.items():
        _move(ids, target)
    return _create(lost, chosen, now)


def status_of(attempts: Sequence[str]) -> RecipientStatus | None:
    """What a row's attempts, one at least, add up to; None: all failed, so another contact is due."""
    if any(status in REACHED for status in attempts):
        return RecipientStatus.SENT
    if any(status in OPEN for status in attempts):
        first = list(attempts) == [AttemptStatus.SCHEDULED]
        return RecipientStatus.PENDING if first else RecipientStatus.ATTEMPTED
    return None


def _statuses(recipients: Sequence[int]) -> defaultdict[int, list[str]]:
    statuses: defaultdict[int, list[str]] = defaultdict(list)
    for recipient_id, status in DeliveryAttempt.objects.filter(recipient__in=recipients).values_list(
        "recipient_id", "status"
    ):
        statuses[recipient_id].append(status)
    return statuses


def _create(
    recipients: Sequence[MessageRecipient], chosen: Mapping[int, ContactDetail], now: datetime
) -> list[DeliveryAttempt]:
    return DeliveryAttempt.objects.bulk_create(
        DeliveryAttempt(recipient=row, contact=chosen[row.pk], created_at=now, updated_at=now)
        for row in recipients
        if row.pk in chosen
    )


def _move(ids: Iterable[int], status: RecipientStatus) -> None:
    pks = list(ids)
    if pks:
        MessageRecipient.objects.filter(pk__in=pks).update(status=status)
