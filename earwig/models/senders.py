"""Constituents whose messages applications hand over, and the record of their erasure."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils import timezone

from earwig.models.accounts import Account


class SenderQuerySet(models.QuerySet["Sender"]):
    def overdue(self, now: datetime) -> SenderQuerySet:
        """Senders whose address must go: its time has passed and it is still there."""
        return self.filter(email_expires_at__lte=now, email__isnull=False)


class Sender(models.Model):
    """Who wrote a message. Outlives its address: the hash links past messages (handoff contract §4)."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="senders")
    hash = models.CharField(
        max_length=64, help_text="SHA-256 of the address as received and the installation's salt."
    )
    name = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=254, null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    email_expires_at = models.DateTimeField()
    purged_at = models.DateTimeField(null=True, editable=False)

    objects = SenderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "hash"], name="sender_once_per_account"),
            models.CheckConstraint(
                name="sender_purged_has_no_name", condition=models.Q(email__isnull=False) | models.Q(name="")
            ),
        ]
        indexes = [
            models.Index(
                fields=["email_expires_at"], condition=models.Q(email__isnull=False), name="sender_overdue"
            )
        ]

    def __str__(self) -> str:
        return self.hash[:12]


class SenderPurge(models.Model):
    """That a sender's personal data was erased, when and how much. Stays for good and names nobody."""

    sender = models.ForeignKey(Sender, on_delete=models.CASCADE, related_name="purges")
    at = models.DateTimeField(default=timezone.now)
    erased = models.JSONField(default=dict, help_text="Number of rows by table.")


class SaltFingerprint(models.Model):
    """Which salt the stored hashes were made with. One row at most, from the first hash on."""

    value = models.CharField(max_length=64)
    held_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.CheckConstraint(name="salt_fingerprint_is_single", condition=models.Q(id=1))]
