"""What a mail says: stored once, shared by all mails of a send, immutable."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from earwig.models import Account


class Attachment(models.Model):
    """A file's bytes, once per account and digest."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the data.")
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "digest"], name="attachment_once_per_account")
        ]


class Content(models.Model):
    """Subject, sender, bodies and headers of a send. Compiled once per worker; a mail carries only its variables."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    subject = models.TextField(blank=True)
    from_name = models.TextField(blank=True)
    from_email = models.CharField(max_length=320)
    reply_to = models.JSONField(default=list, help_text="[[name, email], …]")
    to = models.JSONField(
        default=list, help_text="[[name, email], …] shown to all; empty: each mail shows its own."
    )
    cc = models.JSONField(default=list)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    headers = models.JSONField(default=list, help_text="[[name, value], …]")
    template_language = models.CharField(max_length=10, default="mustache")
    language = models.CharField(max_length=12, blank=True)
    #: What it does not say, this one says (a mail of a campaign that differs from the others).
    base = models.ForeignKey(
        "self", on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    to_name = models.TextField(
        blank=True, help_text="Template of each recipient's name; empty: the mail's own."
    )
    variables = models.JSONField(default=dict, help_text="Values where a mail brings none.")
    #: False: its tracked links are plain ones, and its picture is none.
    tracked = models.BooleanField(default=True)
    track_opens = models.BooleanField(default=False, help_text="Adds the invisible picture to the HTML.")
    track_clicks = models.BooleanField(default=False, help_text="Makes links of the HTML tracked ones.")
    #: The page or address that an unsubscription ends at.
    unsubscribe = models.ForeignKey(
        "spooling.Resource", on_delete=models.SET_NULL, null=True, related_name="+"
    )
    #: The complete message as it was handed over: its headers and parts are what goes out, not the columns above.
    raw = models.ForeignKey(
        Attachment,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    handling = models.JSONField(
        null=True, help_text="What `spooling.outbox.drafts.Handling` says, if anything."
    )
    created_at = models.DateTimeField(default=timezone.now)
    erased_at = models.DateTimeField(null=True)


class ContentLink(models.Model):
    """The target of a tracked link that is the same for all recipients. Kept for as long as links must work."""

    content = models.ForeignKey(Content, on_delete=models.CASCADE, related_name="links", db_index=False)
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=11, help_text="As `templates_app.rendering.LinkKind` names it.")
    target = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["content", "number"], name="content_link_once")]


class ContentFile(models.Model):
    """A file as one content shows it."""

    content = models.ForeignKey(Content, on_delete=models.CASCADE, related_name="files")
    attachment = models.ForeignKey(Attachment, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=255)
    type = models.CharField(max_length=127)
    cid = models.CharField(max_length=200, blank=True, help_text="Empty: an attachment; else inline.")
