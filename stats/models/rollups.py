"""Sums over events, and how far they go."""

from __future__ import annotations

from django.db import models

from stats.models.events import EventKind, TransactionId


class RollupCursor(models.Model):
    """How far events are rolled up: all of transactions before this one and, on SQLite, below this id."""

    transaction = TransactionId()
    event_id = models.BigIntegerField(default=0)


class Counters(models.Model):
    """Sums over events of one kind: how many there were, what they count, and what of it was ended since."""

    router = models.CharField(max_length=100)
    kind = models.CharField(max_length=12, choices=EventKind.choices)
    hits = models.BigIntegerField(default=0)
    counted = models.BigIntegerField(default=0)
    ended = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


class SpoolerRollup(Counters):
    """Of one spooler, by the hour."""

    spooler_id = models.BigIntegerField()
    hour = models.DateTimeField()
    provider = models.CharField(max_length=32)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["spooler_id", "hour", "provider", "router", "kind"], name="spooler_rollup_once"
            )
        ]


class SpoolerDestinationRollup(Counters):
    """Of one spooler, by domain of the recipients."""

    spooler_id = models.BigIntegerField()
    destination = models.CharField(max_length=253)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["spooler_id", "destination", "router", "kind"], name="spooler_destination_rollup_once"
            )
        ]


class DailyRollup(Counters):
    """Of one account, by sending domain (0: none), lane and day (UTC)."""

    account_id = models.BigIntegerField()
    domain_id = models.BigIntegerField()
    lane = models.CharField(max_length=13)
    day = models.DateField()
    provider = models.CharField(max_length=32)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account_id", "day", "domain_id", "lane", "provider", "router", "kind"],
                name="daily_rollup_once",
            )
        ]


class DailyDestinationRollup(Counters):
    """Of one account, by sending domain (0: none), day (UTC) and domain of the recipients."""

    account_id = models.BigIntegerField()
    domain_id = models.BigIntegerField()
    day = models.DateField()
    destination = models.CharField(max_length=253)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account_id", "day", "domain_id", "destination", "router", "kind"],
                name="daily_destination_rollup_once",
            )
        ]
