"""What became of every mail: an append-only table, written by `stats.events` alone, and who reads it how far."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class EventKind(models.TextChoices):
    """The closed vocabulary of happenings."""

    #: Stored in the outbox.
    SPOOLED = "spooled"
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
    #: Its invisible picture was fetched.
    OPEN = "open"
    #: A tracked link of it was followed.
    CLICK = "click"
    #: Its copy on the web was shown.
    MIRROR = "mirror"
    #: Its recipient wants no more.
    UNSUBSCRIBE = "unsubscribe"
    #: Its recipient's provider passed a complaint on.
    COMPLAINT = "complaint"
    #: Its address was suppressed because of it: lists should drop it.
    SUPPRESSED = "suppressed"
    #: A report came back that it failed, after its server had taken it.
    BOUNCE = "bounce"
    #: Something answered it: a person, or a machine for one who is away.
    RESPONSE = "response"


#: Ends of a mail that its recipient does not have, and that nobody asked for.
UNDELIVERED: tuple[EventKind, ...] = (
    EventKind.BLOCKED,
    EventKind.EXPIRED,
    EventKind.FAILED,
    EventKind.QUARANTINED,
)


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
    """One happening. Plain columns, no foreign keys: it outlives what it speaks of and never names an address.

    The figure of a kind is what its events count, less what others end: a mail that was deferred and then delivered
    has one of `tempfail`, ended by the one of `delivered`.
    """

    account_id = models.BigIntegerField()
    domain_id = models.BigIntegerField(null=True)
    spooler_id = models.BigIntegerField()
    mail_id = models.BigIntegerField()
    destination = models.CharField(max_length=253, help_text="Domain of the recipient.")
    provider = models.CharField(max_length=32)
    router = models.CharField(max_length=100, blank=True)
    lane = models.CharField(max_length=13)
    kind = models.CharField(max_length=12, choices=EventKind.choices)
    #: What it adds to the figure of its kind: 0 for a repetition, such as the second opening of one mail.
    counts = models.SmallIntegerField(default=1, db_default=1)
    #: The kind whose figure no longer has this mail from now on; by which router and when it was counted there.
    #: Without that moment, nothing was counted that could end.
    ends = models.CharField(max_length=12, blank=True, db_default="")
    ended_router = models.CharField(max_length=100, blank=True, db_default="")
    ended_at = models.DateTimeField(null=True)
    at = models.DateTimeField()
    detail = models.JSONField(default=dict)
    transaction = TransactionId(db_default=CurrentTransaction())

    class Meta:
        indexes = [
            models.Index(fields=["mail_id"], name="event_by_mail"),
            models.Index(fields=["transaction"], name="event_in_order"),
            models.Index(fields=["account_id", "transaction", "id"], name="event_of_account"),
            models.Index(fields=["spooler_id", "transaction", "id"], name="event_of_spooler"),
            # Whether they were hard or soft stands in no rollup.
            models.Index(
                fields=["account_id", "at"],
                condition=models.Q(kind__in=["failed", "bounce"]),
                name="event_of_failure",
            ),
            # Who tells of them reads nothing else.
            models.Index(
                fields=["transaction", "id"],
                condition=models.Q(kind__in=[*UNDELIVERED]),
                name="event_undelivered",
            ),
        ]


class Reader(models.Model):
    """Who reads events of all accounts, and how far it is: behind all events below that position."""

    name = models.CharField(primary_key=True, max_length=30)
    transaction = TransactionId()
    event_id = models.BigIntegerField(default=0)
