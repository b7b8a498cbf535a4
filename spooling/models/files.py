"""Files that an account offers to everybody who knows their address: pictures of mails."""

from __future__ import annotations

import secrets

from django.db import models
from django.utils import timezone

from earwig.models import Account


def new_file_token() -> str:
    """128 random bits."""
    return f"f{secrets.token_hex(16)}"


class HostedFile(models.Model):
    """A file at `/media/TOKEN`; whoever opens it needs no key."""

    token = models.CharField(max_length=33, unique=True, default=new_file_token, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="hosted_files")
    name = models.CharField(max_length=255)
    type = models.CharField(max_length=127)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the data.")
    size = models.PositiveBigIntegerField()
    data = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["account", "id"], name="hosted_file_of_account")]

    def __str__(self) -> str:
        return self.name
