"""What a recipient says on the feedback page, and what follows from it (handoff contract §7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from earwig import errors
from earwig.messages import attempts
from earwig.models import ContactDetail, DeliveryAttempt, MessageRecipient
from earwig.models.messages import AttemptStatus, FeedbackType, RecipientStatus
from earwig.models.people import BlockReason

#: Characters of a note.
MOST_NOTE = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What one word of feedback changes. Without a status it is only recorded, for a moderator."""

    status: AttemptStatus | None = None
    blocks_contact: bool = False
    ends_row: bool = False


CONSEQUENCES: dict[str, Consequence] = {
    FeedbackType.UNSUBSCRIBE: Consequence(status=AttemptStatus.BLOCKED, blocks_contact=True, ends_row=True),
    FeedbackType.BAD_METHOD: Consequence(status=AttemptStatus.BLOCKED, blocks_contact=True),
    FeedbackType.WRONG_PERSON: Consequence(status=AttemptStatus.BAD_DATA, blocks_contact=True),
    FeedbackType.OFFENSIVE: Consequence(),
}


@transaction.atomic
def record(attempt: DeliveryAttempt, *, kind: str, note: str = "", now: datetime) -> list[DeliveryAttempt]:
    """Store the recipient's word with all its consequences; returns the attempt that follows by another
    contact.

    The first word stands. Raises AlreadyFlagged.
    """
    row = MessageRecipient.objects.select_for_update().get(pk=attempt.recipient_id)
    unflagged = DeliveryAttempt.objects.filter(pk=attempt.pk, feedback_type=FeedbackType.NONE)
    if not unflagged.update(feedback_type=kind, feedback_note=note, updated_at=now):
        raise errors.AlreadyFlagged
    return _act(attempt, row, CONSEQUENCES[kind], now)


@transaction.atomic
def unsubscribe(attempt: DeliveryAttempt, *, now: datetime) -> None:
    """Stop all mail to the attempt's contact, whatever was said before; the second time changes nothing."""
    row = MessageRecipient.objects.select_for_update().get(pk=attempt.recipient_id)
    others = DeliveryAttempt.objects.filter(pk=attempt.pk).exclude(feedback_type=FeedbackType.UNSUBSCRIBE)
    if others.update(feedback_type=FeedbackType.UNSUBSCRIBE, updated_at=now):
        _act(attempt, row, CONSEQUENCES[FeedbackType.UNSUBSCRIBE], now)


def _act(
    attempt: DeliveryAttempt, row: MessageRecipient, consequence: Consequence, now: datetime
) -> list[DeliveryAttempt]:
    if consequence.status is None:
        return []
    DeliveryAttempt.objects.filter(pk=attempt.pk).update(status=consequence.status)
    if consequence.blocks_contact and attempt.contact_id is not None:
        ContactDetail.objects.filter(pk=attempt.contact_id).update(blocked=True, reason=BlockReason.FEEDBACK)
    if consequence.ends_row:
        MessageRecipient.objects.filter(pk=row.pk).update(status=RecipientStatus.EXPIRED)
        return []
    return attempts.follow([row], now=now)
