"""Sending domains and their signing keys."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from earwig.models.accounts import Account


class Domain(models.Model):
    """A domain that an account sends from. Verified: known to be its own, so no other account may use it."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="domains")
    name = models.CharField(max_length=253, help_text="Lower case, A-labels.")
    return_path_host = models.CharField(max_length=253, blank=True)
    tracking_host = models.CharField(
        max_length=253, blank=True, help_text="Host of its tracked links; empty: the installation's."
    )
    default = models.BooleanField(default=False)
    disabled = models.BooleanField(default=False)
    verified_at = models.DateTimeField(null=True, blank=True)
    #: Remembered test recipients (Octosend contract §5).
    draft_addresses = models.JSONField(default=list, blank=True)
    #: Whether its tracking host answers over TLS.
    tracking_https = models.BooleanField(default=True)
    #: What its owner wants its records to say: a policy for receivers (RFC 7489 §6.3), and who else sends (RFC 7208 §5).
    dmarc_policy = models.JSONField(default=dict, blank=True)
    spf_mechanisms = models.JSONField(default=list, blank=True)
    #: What the last look at its DNS records found, by check; empty: nobody looked yet.
    dns_state = models.JSONField(default=dict, blank=True, editable=False)
    dns_checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: Set when its owner gave it up; what was sent from it keeps referring to it.
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="domain_once_per_account"),
            models.UniqueConstraint(
                fields=["account"], condition=models.Q(default=True), name="domain_one_default_per_account"
            ),
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(verified_at__isnull=False), name="domain_verified_once"
            ),
        ]
        indexes = [models.Index(fields=["name"], name="domain_by_name")]

    def __str__(self) -> str:
        return self.name


class Algorithm(models.TextChoices):
    """Signature algorithms of DKIM (RFC 6376, RFC 8463)."""

    #: Understood by every receiver.
    RSA = "rsa-sha256"
    #: Only beside RSA: big receivers ignore it alone.
    ED25519 = "ed25519-sha256"


class DkimKey(models.Model):
    """A signing key of a domain; the private half is sealed with the installation's ring."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="dkim_keys")
    selector = models.CharField(max_length=63)
    algorithm = models.CharField(max_length=14, choices=Algorithm.choices, default=Algorithm.RSA)
    private_key_sealed = models.TextField(editable=False)
    public_record = models.TextField(editable=False)
    active = models.BooleanField(default=True)
    #: When it signs; empty: without bound.
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "DKIM key"
        constraints = [
            models.UniqueConstraint(fields=["domain", "selector"], name="dkim_selector_once_per_domain"),
            models.UniqueConstraint(
                fields=["domain", "algorithm"],
                condition=models.Q(active=True),
                name="dkim_one_active_key_per_algorithm",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.selector}._domainkey"

    @property
    def has_time(self) -> bool:
        """Whether it signs in a time of its own, whatever else does."""
        return self.starts_at is not None or self.ends_at is not None
