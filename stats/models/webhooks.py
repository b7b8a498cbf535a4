"""Who is told of events, and what came of it."""

from __future__ import annotations

import secrets

from django.db import models
from django.utils import timezone

from stats.models.events import TransactionId


def new_webhook_token() -> str:
    """128 random bits, a letter first."""
    return f"w{secrets.token_hex(16)}"


class WebhookFormat(models.TextChoices):
    """How a webhook's events are written."""

    #: Many in one call, as the native API shows them; signed by HMAC.
    NATIVE = "native"
    #: One a call, as SMTPeter's clients know them.
    SMTPETER = "smtpeter"


class Webhook(models.Model):
    """A URL that is told an account's events, each at least once and in order: a reader of events with a cursor."""

    token = models.CharField(max_length=33, unique=True, default=new_webhook_token, editable=False)
    account_id = models.BigIntegerField()
    url = models.CharField(max_length=2000)
    kinds = models.JSONField(default=list, blank=True, help_text="Empty: all.")
    format = models.CharField(max_length=8, choices=WebhookFormat.choices, default=WebhookFormat.NATIVE)
    settings = models.JSONField(default=dict, blank=True, help_text="Of its format.")
    secret_sealed = models.TextField(editable=False)
    #: Signs too until then, so that a receiver can change its own in between.
    previous_secret_sealed = models.TextField(blank=True, editable=False)
    previous_until = models.DateTimeField(null=True, editable=False)
    verified_at = models.DateTimeField(null=True, blank=True)
    #: Events before this position are told, or were not to be.
    transaction = TransactionId(default=0)
    event_id = models.BigIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0, help_text="Failures in a row.")
    failing_since = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(default=timezone.now)
    #: Nobody else calls it before.
    leased_until = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_because = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["account_id"], name="webhook_of_account"),
            models.Index(fields=["next_try_at"], condition=models.Q(paused_at=None), name="webhook_due"),
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def state(self) -> str:
        """How it is doing: one of `webhooks.STATES`."""
        if self.paused_at:
            return "paused"
        return "failing" if self.failing_since else "well"


class WebhookDelivery(models.Model):
    """One call of a webhook, or one that was not made, and what came of it. No body, no address."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    first_event_id = models.BigIntegerField()
    last_event_id = models.BigIntegerField()
    events = models.PositiveIntegerField()
    replay = models.BooleanField(default=False)
    at = models.DateTimeField(default=timezone.now)
    status = models.PositiveSmallIntegerField(null=True, help_text="Of its answer; empty: none came.")
    fault = models.CharField(max_length=200, blank=True)
    milliseconds = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["webhook", "at"], name="webhook_delivery_log")]
