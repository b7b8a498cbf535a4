"""Tenants and their users."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone


class InDoubtPolicy(models.TextChoices):
    """What happens to a mail whose last reply was lost."""

    #: Sent again: a reset of a password that comes twice is better than one that never comes.
    RESEND = "resend"
    #: Held for a person's decision.
    HOLD = "hold"


class Account(models.Model):
    """A tenant. Every row that a key can reach belongs to one."""

    slug = models.CharField(
        max_length=50,
        unique=True,
        validators=[
            RegexValidator(r"^[a-z][a-z0-9-]*$", "Lower-case letters, digits and hyphens, a letter first.")
        ],
    )
    name = models.CharField(max_length=200)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    mails_per_hour = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: no limit.")
    mails_per_day = models.PositiveIntegerField(null=True, blank=True)
    mails_per_month = models.PositiveIntegerField(null=True, blank=True)
    in_doubt_transactional = models.CharField(
        max_length=8, choices=InDoubtPolicy.choices, default=InDoubtPolicy.RESEND
    )
    in_doubt_bulk = models.CharField(max_length=8, choices=InDoubtPolicy.choices, default=InDoubtPolicy.HOLD)
    any_from_domain = models.BooleanField(
        default=False,
        help_text="May send from domains that are not its own, but never from another account's.",
    )

    brake_failed_percent = models.PositiveSmallIntegerField(
        null=True, blank=True, default=20, help_text="Pauses a campaign of which so many fail; empty: never."
    )
    brake_deferred_percent = models.PositiveSmallIntegerField(
        null=True, blank=True, default=60, help_text="Pauses a campaign of which so many are deferred."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="account_in_doubt_policies",
                condition=models.Q(
                    in_doubt_transactional__in=InDoubtPolicy.values, in_doubt_bulk__in=InDoubtPolicy.values
                ),
            )
        ]

    def __str__(self) -> str:
        return self.slug


class Role(models.TextChoices):
    """What a user may do inside one account."""

    #: Uses the account's resources.
    MEMBER = "member"
    #: Also mints keys for it.
    STAFF = "staff"


class Membership(models.Model):
    """A Django user belongs to an account. Unrelated to the admin's own `is_staff`."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=6, choices=Role.choices, default=Role.MEMBER)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "account"], name="membership_once_per_account")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.account_id}"
