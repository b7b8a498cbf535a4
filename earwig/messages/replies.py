"""Replies on the thread of one recipient: who may write there, and whom it is passed on to (handoff contract §9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from earwig import addresses, mailboxes
from earwig.errors import InvalidAddress
from earwig.messages import attempts
from earwig.models import ContactDetail, DeliveryAttempt, MessageRecipient, Reply, Sender
from earwig.models.people import ContactType

#: Characters of a reply that are kept.
MOST_SUBJECT = 255
MOST_BODY = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What somebody wrote on a thread, and when."""

    from_sender: bool
    subject: str
    body: str
    written_at: datetime


def thread(recipient_id: int) -> MessageRecipient | None:
    """The row that a thread belongs to, with its message, sender and person; locked, so that a purge of the sender
    comes before or after.
    """
    rows = MessageRecipient.objects.select_related("message__sender", "person")
    return rows.select_for_update(no_key=True, of=("self", "message__sender")).filter(pk=recipient_id).first()


def is_from_sender(row: MessageRecipient, author: str, *, now: datetime) -> bool | None:
    """Whether the author is the message's original sender, else the recipient; None for anybody else.

    A sender whose time has passed is a stranger.
    """
    address = addresses.canonical(author)
    if not address:
        return None
    sender = sender_address(row.message.sender, now=now)
    if sender and addresses.canonical(sender) == address:
        return True
    known = {addresses.canonical(email) for email in _emails(row)}
    return False if address in known else None


def store(row: MessageRecipient, draft: Draft) -> Reply:
    """Keep a reply on the thread."""
    return Reply.objects.create(
        recipient=row,
        from_sender=draft.from_sender,
        subject=draft.subject[:MOST_SUBJECT],
        body=draft.body[:MOST_BODY],
        created_at=draft.written_at,
    )


def other_address(row: MessageRecipient, *, from_sender: bool, now: datetime) -> str:
    """Where what one party writes is passed on to; empty where there is no address any more.

    The recipient's is the contact of the latest attempt that reached it, unless it is blocked.
    """
    if not from_sender:
        return _mailable(sender_address(row.message.sender, now=now))
    reached = _attempts(row).filter(status__in=attempts.REACHED, contact__blocked=False)
    return next((_mailable(attempt.contact.value) for attempt in reached if attempt.contact), "")


def sender_address(sender: Sender, *, now: datetime) -> str:
    """The original sender's address while it may be used."""
    return sender.email if sender.email and sender.email_expires_at > now else ""


def answered_attempt(row: MessageRecipient, author: str) -> DeliveryAttempt | None:
    """The attempt that the recipient answers: the latest by the contact it writes from, else the latest of all."""
    tried = list(_attempts(row))
    address = addresses.canonical(author)
    own = (
        attempt
        for attempt in tried
        if attempt.contact and addresses.canonical(attempt.contact.value) == address
    )
    return next(own, None) or next(iter(tried), None)


def addresses_of(row: MessageRecipient) -> list[str]:
    """Every address of either party, which the other one is not shown."""
    sender = row.message.sender.email
    return [*([sender] if sender else []), *_emails(row)]


def _attempts(row: MessageRecipient) -> QuerySet[DeliveryAttempt]:
    return row.attempts.filter(contact__type=ContactType.EMAIL).select_related("contact").order_by("-pk")


def _emails(row: MessageRecipient) -> list[str]:
    contacts = ContactDetail.objects.filter(person=row.person_id, type=ContactType.EMAIL)
    return list(contacts.values_list("value", flat=True))


def _mailable(address: str) -> str:
    try:
        return mailboxes.normal(address)
    except InvalidAddress:
        return ""
