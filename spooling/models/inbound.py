"""Mail that came in: what it was, and of which mail of ours it speaks."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from earwig.models import Account


class IncomingKind(models.TextChoices):
    """What a mail that came in turned out to be."""

    #: A report that a mail failed for good (RFC 3464, or one for people).
    BOUNCE = "bounce"
    #: A report of a delay or of success, or of nothing that changes anything.
    NOTICE = "notice"
    #: A recipient's provider passed a complaint on (RFC 5965).
    COMPLAINT = "complaint"
    #: Nobody wrote it: out of office, received, no such person here any more.
    AUTO_REPLY = "auto_reply"
    #: Somebody wrote it.
    REPLY = "reply"
    #: Its sender wants no more.
    UNSUBSCRIBE = "unsubscribe"
    #: A report on DMARC (RFC 7489 §7.2).
    DMARC = "dmarc"


class IncomingMailQuerySet(models.QuerySet["IncomingMail"]):
    def erase(self) -> int:
        """Leave nothing of what they said; answers how many said something."""
        return self.exclude(raw=b"").update(raw=b"")


class IncomingMail(models.Model):
    """A mail that was taken, once however often it is handed over."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="+")
    #: Of ours, by its return path or the thread it answers.
    mail_id = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=11, choices=IncomingKind.choices)
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of recipient and message.")
    #: Empty once erased.
    raw = models.BinaryField()
    received_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = IncomingMailQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["mail_id"], condition=models.Q(mail_id__isnull=False), name="incoming_of_mail"
            ),
            models.Index(fields=["account", "received_at"], name="incoming_of_account"),
        ]


class DmarcReport(models.Model):
    """What a receiver saw of a domain's mail (RFC 7489 §7.2). It names servers and domains, no addresses."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="dmarc_reports")
    domain = models.CharField(max_length=253, help_text="The policy's.")
    organisation = models.CharField(max_length=253, help_text="Who reports.")
    report_id = models.CharField(max_length=253)
    email = models.CharField(max_length=320, blank=True)
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    messages = models.PositiveBigIntegerField(default=0)
    failed_spf = models.PositiveBigIntegerField(default=0)
    failed_dkim = models.PositiveBigIntegerField(default=0)
    xml = models.TextField()
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "domain", "organisation", "report_id"], name="dmarc_report_once"
            )
        ]
        indexes = [models.Index(fields=["account", "begins_at"], name="dmarc_report_by_day")]
