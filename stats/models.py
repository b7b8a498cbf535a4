"""What became of every mail: an append-only table, written by `stats.events` alone. And the values of metrics."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class EventKind(models.TextChoices):
    """The closed vocabulary of happenings."""

    #: The receiving server answered 2xx after the final dot.
    DELIVERED = "delivered"
    #: A 4xx; tried again later.
    TEMPFAIL = "tempfail"
    #: A 5xx, or the retry horizon passed.
    FAILED = "failed"
    #: The address is suppressed, or a step before sending refused it.
    BLOCKED = "blocked"
    #: Held for a person.
    QUARANTINED = "quarantined"
    #: Its `not_after` passed first.
    EXPIRED = "expired"
    #: Itself or its spooler was cancelled.
    CANCELLED = "cancelled"
    #: The reply after the final dot was lost.
    IN_DOUBT = "in_doubt"
    #: Put back to be tried again, by a policy or a person.
    REQUEUED = "requeued"


class MetricSample(models.Model):
    """The present value of one metric of an account: `.sum` only grows, `.last` is set."""

    account_id = models.BigIntegerField()
    name = models.CharField(max_length=200)
    value = models.FloatField(default=0)
    #: What METRICS_URL was last told of; None: nothing yet.
    pushed_value = models.FloatField(null=True, editable=False)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account_id", "name"], name="metric_once_per_account")]

    def __str__(self) -> str:
        return self.name


class TransactionId(models.Field):
    """The id of the writing transaction (`xid8`), set by the database. Zero on SQLite, whose writers come one by one."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "xid8" if connection.vendor == "postgresql" else "bigint"

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else str(value)


class CurrentTransaction(models.Func):
    """The default of a `TransactionId` column."""

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper, *_: Any, **__: Any) -> Any:
        return ("pg_current_xact_id()" if connection.vendor == "postgresql" else "0"), ()


class Event(models.Model):
    """One happening. Plain columns, no foreign keys: it outlives what it speaks of and never names an address."""

    account_id = models.BigIntegerField()
    domain_id = models.BigIntegerField(null=True)
    spooler_id = models.BigIntegerField()
    mail_id = models.BigIntegerField()
    destination = models.CharField(max_length=253, help_text="Domain of the recipient.")
    provider = models.CharField(max_length=32)
    router = models.CharField(max_length=100, blank=True)
    kind = models.CharField(max_length=12, choices=EventKind.choices)
    at = models.DateTimeField()
    detail = models.JSONField(default=dict)
    transaction = TransactionId(db_default=CurrentTransaction())

    class Meta:
        indexes = [
            models.Index(fields=["mail_id"], name="event_by_mail"),
        ]
