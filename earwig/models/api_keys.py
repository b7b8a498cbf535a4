"""Credentials of programs, on every wire."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from earwig.models.accounts import Account, Membership


class Scope(models.TextChoices):
    """What a key may do. A key without scopes may do nothing."""

    #: Hand over mail.
    SEND = "send"
    #: Read mails, events and figures.
    READ = "read"
    #: Change what belongs to the account: people, spoolers, suppressions, templates.
    MANAGE = "manage"


class SendAnswer(models.TextChoices):
    """What `send` of the SMTPeter API answers to a key."""

    #: The number 1, as its document says.
    ONE = "one"
    #: Each message's id with its recipient.
    IDS = "ids"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self, now: datetime) -> ApiKeyQuerySet:
        """Keys that open something at `now`: of an active account, neither revoked nor expired, and of an active
        member if they are somebody's.
        """
        membership = Membership.objects.filter(
            user=models.OuterRef("user"), account=models.OuterRef("account")
        )
        return self.filter(
            models.Q(expires_at=None) | models.Q(expires_at__gt=now),
            models.Q(user=None) | models.Q(models.Exists(membership), user__is_active=True),
            revoked_at=None,
            account__active=True,
        )


class ApiKey(models.Model):
    """A credential. Of its 40 hex digits only the SHA-256 is stored; the first eight are public."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="api_keys")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="api_keys"
    )
    name = models.CharField(max_length=200, blank=True)
    prefix = models.CharField(max_length=8, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    allowed_ips = models.JSONField(default=list, blank=True, help_text="Addresses or networks; empty: any.")
    allowed_sender_domains = models.JSONField(
        default=list, blank=True, help_text="Empty: any the account may use."
    )
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: no limit.")
    wire_settings = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    replaced_by = models.OneToOneField(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="replaces", editable=False
    )

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        indexes = [models.Index(fields=["account", "prefix"], name="api_key_by_prefix")]

    def __str__(self) -> str:
        return f"{self.prefix}…"
