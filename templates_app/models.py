"""Named templates and their versions, which never change."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from earwig.models import Account, Domain


class Language(models.TextChoices):
    """Template languages that a template can be written in."""

    #: Mustache: the native default.
    MUSTACHE = "mustache"
    #: Octosend's `{…}`.
    BRACES = "braces"
    #: SMTPeter's `{$…}`.
    SMARTY = "smarty"
    #: Liquid, for templates that need more logic.
    LIQUID = "liquid"
    #: No language: what is written goes out as it is.
    PLAIN = "plain"


class Template(models.Model):
    """A name for what mails say; what they say is in its latest version."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="templates")
    domain = models.ForeignKey(
        Domain, on_delete=models.PROTECT, null=True, blank=True, related_name="templates"
    )
    name = models.CharField(max_length=200)
    language = models.CharField(max_length=10, choices=Language.choices, default=Language.MUSTACHE)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "domain", "name"], name="template_name_of_domain"),
            models.UniqueConstraint(
                fields=["account", "name"], condition=models.Q(domain=None), name="template_name"
            ),
            models.CheckConstraint(
                name="template_known_language", condition=models.Q(language__in=Language.values)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TemplateVersion(models.Model):
    """What a template said from one moment on. Numbers count from 1 in each template."""

    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    from_email = models.CharField(max_length=320, blank=True)
    from_name = models.TextField(blank=True)
    subject = models.TextField(blank=True)
    html = models.TextField(blank=True)
    text = models.TextField(blank=True)
    source = models.JSONField(
        default=dict, blank=True, help_text="What an editor of the client's own wants back as it was."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="template_version_number")]

    def __str__(self) -> str:
        return f"version {self.number}"
