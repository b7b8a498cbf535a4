"""Which contact of a person is tried next (handoff contract §6.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from earwig import errors, mailboxes
from earwig.models import ContactDetail, DeliveryAttempt, MessageRecipient, Reply
from earwig.models.messages import AttemptStatus
from earwig.models.people import ContactType

#: The types that this installation delivers to, in the order in which they are tried.
DELIVERABLE = (ContactType.EMAIL,)
#: An attempt that ended so spends its contact for the row.
FAILED = (AttemptStatus.INVALID, AttemptStatus.BAD_DATA, AttemptStatus.BLOCKED)


def choose(recipients: Sequence[MessageRecipient]) -> dict[int, ContactDetail]:
    """By the row's id, the contact to try next; a row with nothing left to try is absent.

    Not tried: blocked contacts, types without a carrier, what is not an address, contacts whose attempts for
    this row failed, and those that succeeded unless the recipient has answered. Ties keep stored order.
    """
    candidates = _candidates({recipient.person_id for recipient in recipients})
    spent = _spent([recipient.pk for recipient in recipients])
    chosen = {}
    for recipient in recipients:
        for contact in candidates[recipient.person_id]:
            if contact.pk not in spent[recipient.pk]:
                chosen[recipient.pk] = contact
                break
    return chosen


def is_address(value: str) -> bool:
    """Whether mail can be addressed to it at all."""
    try:
        mailboxes.normal(value)
    except errors.InvalidAddress:
        return False
    return True


def _candidates(people: Iterable[int]) -> defaultdict[int, list[ContactDetail]]:
    found: defaultdict[int, list[ContactDetail]] = defaultdict(list)
    for contact in ContactDetail.objects.filter(
        person_id__in=people, type__in=DELIVERABLE, blocked=False
    ).order_by("id"):
        if is_address(contact.value):
            found[contact.person_id].append(contact)
    for contacts in found.values():
        contacts.sort(key=lambda contact: DELIVERABLE.index(ContactType(contact.type)))
    return found


def _spent(recipients: Sequence[int]) -> defaultdict[int, set[int]]:
    answered = set(
        Reply.objects.filter(recipient__in=recipients, from_sender=False).values_list(
            "recipient_id", flat=True
        )
    )
    spent: defaultdict[int, set[int]] = defaultdict(set)
    attempts = DeliveryAttempt.objects.filter(
        recipient__in=recipients, contact__isnull=False, status__in=(*FAILED, AttemptStatus.SUCCESS)
    )
    for recipient_id, contact_id, status in attempts.values_list("recipient_id", "contact_id", "status"):
        if status in FAILED or recipient_id not in answered:
            spent[recipient_id].add(contact_id)
    return spent
