"""Messages that applications hand over, and what became of each at its recipients (handoff contract §5)."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from earwig.models.accounts import Account
from earwig.models.people import ContactDetail, Person
from earwig.models.senders import Sender


def new_message_id() -> str:
    """128 random bits as 32 hex digits, the form the wire documents."""
    return uuid.uuid4().hex


class MessageType(models.TextChoices):
    """Who may read a message."""

    #: Anyone.
    PUBLIC = "public"
    #: Its recipients.
    PRIVATE = "private"
    #: Taken down by a moderator: readable by its application, never delivered.
    REMOVED = "removed"


class HandoffMessage(models.Model):
    """What an application handed over for one or more people."""

    id = models.CharField(primary_key=True, max_length=32, default=new_message_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="handoff_messages")
    sender = models.ForeignKey(Sender, on_delete=models.PROTECT, related_name="messages")
    type = models.CharField(max_length=7, choices=MessageType.choices)
    subject = models.CharField(max_length=255, blank=True)
    message = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "message"

    def __str__(self) -> str:
        return self.id


class RecipientStatus(models.TextChoices):
    """The five words that a client of the handoff wire knows."""

    #: Accepted; no attempt yet.
    UNSCHEDULED = "unscheduled"
    #: An attempt is on its way.
    PENDING = "pending"
    #: An attempt failed; another try or another contact follows.
    ATTEMPTED = "attempted"
    #: Nothing left to try.
    EXPIRED = "expired"
    #: Handed to the recipient's server.
    SENT = "sent"


class MessageRecipient(models.Model):
    """One person among a message's recipients: its integer id names the thread of replies."""

    message = models.ForeignKey(HandoffMessage, on_delete=models.CASCADE, related_name="recipients")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="received")
    position = models.PositiveIntegerField()
    status = models.CharField(
        max_length=11, choices=RecipientStatus.choices, default=RecipientStatus.UNSCHEDULED
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "person"], name="recipient_once_per_message"),
        ]
        indexes = [
            # Not partial: SQLite uses a partial index only where the status is no parameter.
            models.Index(fields=["status", "id"], name="recipient_by_status")
        ]


class AttemptStatus(models.TextChoices):
    """What became of one attempt (handoff contract §6.1)."""

    #: Created; not handed over yet.
    SCHEDULED = "scheduled"
    #: Accepted by the next hop.
    SENT = "sent"
    #: Failed for now; the same contact may be tried again.
    RETRY = "retry"
    #: The contact is unusable.
    INVALID = "invalid"
    #: The address does not exist or is somebody else's.
    BAD_DATA = "bad_data"
    #: The recipient wants no further contact.
    BLOCKED = "blocked"
    #: Confirmed: the recipient answered.
    SUCCESS = "success"


class FeedbackType(models.TextChoices):
    """What a recipient said on the feedback page."""

    #: Nothing yet.
    NONE = "none", "None"
    #: A moderator looks at the message.
    OFFENSIVE = "offensive", "Offensive"
    #: Not the person meant.
    WRONG_PERSON = "wrong_person", "Wrong person"
    #: Not this way.
    BAD_METHOD = "contact_detail_blacklist", "Bad method"
    #: No further mail.
    UNSUBSCRIBE = "unsubscribe", "Unsubscribe"


class DeliveryAttempt(models.Model):
    """One try to reach one recipient by one contact."""

    recipient = models.ForeignKey(MessageRecipient, on_delete=models.CASCADE, related_name="attempts")
    contact = models.ForeignKey(ContactDetail, on_delete=models.SET_NULL, null=True, related_name="attempts")
    status = models.CharField(max_length=9, choices=AttemptStatus.choices, default=AttemptStatus.SCHEDULED)
    engine = models.CharField(max_length=20, default="default")
    plugin = models.CharField(max_length=20, default="email")
    template = models.CharField(max_length=100, default="default")
    feedback_type = models.CharField(max_length=24, choices=FeedbackType.choices, default=FeedbackType.NONE)
    feedback_note = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["status", "id"], name="attempt_by_status"),
        ]


class Reply(models.Model):
    """A mail that came back on the thread of one recipient."""

    recipient = models.ForeignKey(MessageRecipient, on_delete=models.CASCADE, related_name="replies")
    from_sender = models.BooleanField(help_text="Written by the original sender; else by the recipient.")
    subject = models.CharField(max_length=255, blank=True)
    body = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "replies"


class ResponseKind(models.TextChoices):
    """What the original sender says of the answer that came."""

    #: A good answer.
    GOOD = "reply_good", "Good reply"
    #: A bad answer.
    BAD = "reply_bad", "Bad reply"
    #: No answer.
    NONE = "reply_none", "No reply"
    #: Not known.
    UNKNOWN = "reply_unknown", "Unknown"


class ResponseStatistic(models.Model):
    """The sender's word on one attempt; a later word replaces it."""

    attempt = models.OneToOneField(DeliveryAttempt, on_delete=models.CASCADE, related_name="response")
    kind = models.CharField(max_length=13, choices=ResponseKind.choices, default=ResponseKind.UNKNOWN)
    updated_at = models.DateTimeField(default=timezone.now)
