"""What the mail trap caught."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class TrappedMail(models.Model):
    """A mail exactly as it arrived at the trap, with its envelope."""

    received_at = models.DateTimeField(default=timezone.now, db_index=True)
    envelope_sender = models.CharField(max_length=320, blank=True)
    envelope_recipient = models.CharField(max_length=320)
    subject = models.CharField(max_length=500, blank=True)
    raw = models.BinaryField()

    class Meta:
        verbose_name = "trapped mail"
        verbose_name_plural = "trapped mail"
        indexes = [models.Index(fields=["envelope_recipient"], name="trapped_by_recipient")]
