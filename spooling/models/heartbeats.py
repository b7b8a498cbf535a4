"""When each kind of worker was last seen."""

from __future__ import annotations

from django.db import models


class Heartbeat(models.Model):
    """The last sign of life of the workers of one queue."""

    queue = models.CharField(primary_key=True, max_length=13)
    at = models.DateTimeField()
