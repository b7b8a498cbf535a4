"""What a wire uploaded for a campaign's mails, before it is made into their content."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from spooling.models.spoolers import Spooler, new_token


class SpoolerMessage(models.Model):
    """What a wire was told that a campaign's mails say, word for word: made into the spooler's content when it is ready.

    `parts`, `attachments` and `unsubscribe` are tokens of the spooler's resources.
    """

    spooler = models.OneToOneField(
        Spooler, primary_key=True, on_delete=models.CASCADE, related_name="message"
    )
    sender = models.TextField(blank=True)
    recipient = models.TextField(blank=True)
    subject = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    variables = models.JSONField(default=dict)
    parts = models.JSONField(default=list)
    attachments = models.JSONField(default=list)
    unsubscribe = models.CharField(max_length=33, blank=True)


class ResourceKind(models.TextChoices):
    """What an uploaded content is for."""

    #: A body.
    PART = "part"
    #: A file.
    ATTACHMENT = "attachment"
    #: The page or the address after an unsubscription.
    UNSUBSCRIBE = "unsubscribe"


class Resource(models.Model):
    """An uploaded content of a spooler, named by its token."""

    token = models.CharField(max_length=33, unique=True, default=new_token, editable=False)
    spooler = models.ForeignKey(Spooler, on_delete=models.CASCADE, related_name="resources")
    kind = models.CharField(max_length=11, choices=ResourceKind.choices)
    type = models.CharField(max_length=100, help_text="MIME type; of `unsubscribe` also “redirect”.")
    content = models.TextField(blank=True, help_text="Of parts and pages.")
    file = models.ForeignKey(
        "spooling.Attachment",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Of attachments.",
    )
    filename = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
