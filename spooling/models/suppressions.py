"""Addresses that get no mail."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from earwig.models import Account


class SuppressionReason(models.TextChoices):
    """Why an address is suppressed."""

    #: A server said the address does not exist.
    HARD_BOUNCE = "hard_bounce"
    #: The recipient's provider passed a complaint on.
    COMPLAINT = "complaint"
    #: The recipient asked.
    UNSUBSCRIBE = "unsubscribe"
    #: A member of staff or a client asked.
    MANUAL = "manual"


class Suppression(models.Model):
    """One address, in one scope. The keyed hash decides; the address itself is there for people until erased.

    `account` None: the whole installation. `domain` or `stream` empty: all of them.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    address_hash = models.CharField(max_length=64)
    address = models.CharField(max_length=320, blank=True)
    domain = models.CharField(max_length=253, blank=True, help_text="Sending domain.")
    stream = models.CharField(max_length=13, blank=True, help_text="Lane.")
    reason = models.CharField(max_length=11, choices=SuppressionReason.choices)
    source = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "address_hash", "domain", "stream"], name="suppression_once_per_scope"
            ),
            models.UniqueConstraint(
                fields=["address_hash", "domain", "stream"],
                condition=models.Q(account=None),
                name="suppression_once_everywhere",
            ),
        ]
        indexes = [models.Index(fields=["address_hash"], name="suppression_by_hash")]
