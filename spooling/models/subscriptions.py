"""Who gets which set of stage-based messages, how far each is, and what went wrong."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.utils import timezone

from earwig.models import Account
from spooling.models.message_sets import MessageSet, StageMessage
from spooling.models.schedules import Schedule


class ProcessStatus(models.IntegerChoices):
    """Values that the product itself writes; others are stored and mean not ready (Seed contract §5.1)."""

    #: The next message may go out.
    READY = 0
    #: All messages of the set went out.
    COMPLETED = 2
    #: No usable address was found.
    ERROR = -1


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def ready(self) -> SubscriptionQuerySet:
        """Those that may get a message."""
        return self.filter(active=True, completed=False, process_status=ProcessStatus.READY)


class Subscription(models.Model):
    """An identity's way through a message set."""

    #: What clients call its id.
    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="subscriptions", db_index=False
    )
    version = models.IntegerField(default=1)
    identity = models.CharField(max_length=36)
    messageset = models.ForeignKey(MessageSet, on_delete=models.PROTECT, related_name="subscriptions")
    initial_sequence_number = models.IntegerField(default=1)
    next_sequence_number = models.IntegerField(default=1)
    lang = models.CharField(max_length=6)
    active = models.BooleanField(default=True)
    completed = models.BooleanField(default=False)
    schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, related_name="subscriptions")
    process_status = models.IntegerField(default=ProcessStatus.READY)
    metadata = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    #: A message of it is on its way over the network; nothing else is sent before.
    locked_until = models.DateTimeField(null=True, editable=False)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["account", "id"], name="subscription_of_account"),
            models.Index(fields=["account", "identity"], name="subscription_of_identity"),
            models.Index(
                fields=["schedule", "id"],
                condition=models.Q(active=True, completed=False, process_status=0),
                name="subscription_ready",
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)

    @property
    def is_ready(self) -> bool:
        return self.active and not self.completed and self.process_status == ProcessStatus.READY

    def is_locked(self, now: datetime) -> bool:
        return self.locked_until is not None and self.locked_until > now


class SendFailure(models.Model):
    """A message that could not be handed over, kept until somebody asks to try it again (wire: failed task)."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="send_failures")
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="failures")
    task_id = models.UUIDField(default=uuid.uuid4)
    initiated_at = models.DateTimeField(default=timezone.now)
    reason = models.CharField(max_length=500)

    class Meta:
        indexes = [models.Index(fields=["account", "id"], name="send_failure_of_account")]


class Resend(models.Model):
    """The last message of a subscription, sent once more."""

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="resends")
    message = models.ForeignKey(StageMessage, on_delete=models.SET_NULL, null=True, related_name="+")
    #: The mail's public id, or what the webhook answered.
    outbound_id = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now)


class SendEstimate(models.Model):
    """How many subscriptions of a set a day's runs would reach (Seed contract §6.2)."""

    messageset = models.ForeignKey(MessageSet, on_delete=models.CASCADE, related_name="estimates")
    estimated_on = models.DateField()
    subscriptions = models.PositiveIntegerField()
    identities = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["estimated_on", "messageset"], name="send_estimate_once_a_day")
        ]


class BehindSubscription(models.Model):
    """A subscription that was found to have had fewer messages than its schedule had runs."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="behind_subscriptions")
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="behind")
    messages_behind = models.IntegerField()
    current_messageset = models.ForeignKey(MessageSet, on_delete=models.CASCADE, related_name="+")
    current_sequence_number = models.IntegerField()
    expected_messageset = models.ForeignKey(MessageSet, on_delete=models.CASCADE, related_name="+")
    expected_sequence_number = models.IntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["account", "id"], name="behind_of_account")]
