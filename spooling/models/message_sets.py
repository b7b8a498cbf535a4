"""What stage-based messaging says: sets of numbered messages in several languages, and the files that they show."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from earwig.models import Account
from spooling.models.schedules import Schedule
from templates_app.models import Template


class ContentType(models.TextChoices):
    """What the messages of a set are (Seed contract §3.2)."""

    #: Read.
    TEXT = "text"
    #: Listened to.
    AUDIO = "audio"


class MessageSet(models.Model):
    """Messages that go out one after the other, and the set that follows."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="message_sets")
    short_name = models.CharField(max_length=100)
    label = models.CharField(max_length=100, blank=True, default="")
    content_type = models.CharField(max_length=5, choices=ContentType.choices, default=ContentType.TEXT)
    notes = models.TextField(null=True, blank=True)
    next_set = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="previous_sets"
    )
    default_schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, related_name="message_sets")
    channel = models.CharField(
        max_length=64,
        null=True,
        blank=True,
        help_text="Empty or “email”: by mail. Anything else: posted to the account's webhook router.",
    )
    from_address = models.CharField(
        max_length=320, blank=True, help_text="The author of its mails; empty: the installation's."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "short_name"], name="message_set_short_name"),
            models.CheckConstraint(
                name="message_set_known_type", condition=models.Q(content_type__in=ContentType.values)
            ),
        ]

    def __str__(self) -> str:
        return self.short_name

    @property
    def is_mailed(self) -> bool:
        return self.channel in (None, "", "email")


class BinaryContent(models.Model):
    """An uploaded file, public under its name. In the database, so that every machine has it."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="binary_contents")
    #: Made here: the moment of the upload and the file's extension.
    name = models.CharField(max_length=64, unique=True)
    type = models.CharField(max_length=100)
    data = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["account", "id"], name="binary_content_of_account")]

    def __str__(self) -> str:
        return self.name


class StageMessage(models.Model):
    """One message of a set in one language: a text, a file, or a template."""

    messageset = models.ForeignKey(MessageSet, on_delete=models.CASCADE, related_name="messages")
    sequence_number = models.IntegerField()
    lang = models.CharField(max_length=6)
    metadata = models.JSONField(default=dict, blank=True)
    text_content = models.TextField(null=True, blank=True)
    binary_content = models.ForeignKey(
        BinaryContent, on_delete=models.PROTECT, null=True, blank=True, related_name="messages"
    )
    template = models.ForeignKey(
        Template, on_delete=models.PROTECT, null=True, blank=True, related_name="stage_messages"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["messageset", "sequence_number", "lang"], name="stage_message_once"
            ),
            models.CheckConstraint(
                name="stage_message_says_something",
                condition=~models.Q(text_content=None)
                | ~models.Q(binary_content=None)
                | ~models.Q(template=None),
            ),
        ]
        indexes = [models.Index(fields=["messageset", "lang", "sequence_number"], name="stage_message_next")]

    def __str__(self) -> str:
        return f"{self.messageset_id}/{self.sequence_number} {self.lang}"
