"""What was done by whom, and the first answers of calls that may be repeated."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from earwig.models.accounts import Account


class AuditEntry(models.Model):
    """One act of a person in the admin, of a command, or of a key. Ids and names of fields, no values."""

    at = models.DateTimeField(default=timezone.now)
    account = models.ForeignKey(Account, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    key_prefix = models.CharField(max_length=8, blank=True)
    action = models.CharField(max_length=40)
    subject = models.CharField(max_length=60, help_text="Model and id.")
    detail = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"


class IdempotencyKey(models.Model):
    """The first answer of a call with an `Idempotency-Key`, kept for 24 h."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    method = models.CharField(max_length=6)
    path = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    payload_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    answer = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "method", "path", "key"], name="idempotency_once_per_call"
            )
        ]
