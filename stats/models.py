"""What became of every mail: an append-only table, written by `stats.events` alone. And the values of metrics."""

from __future__ import annotations

import secrets
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone


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


class RollupCursor(models.Model):
    """How far events are rolled up: all of transactions before this one and, on SQLite, below this id."""

    transaction = TransactionId()
    event_id = models.BigIntegerField(default=0)


class Reader(models.Model):
    """Who reads events of all accounts, and how far it is: behind all events below that position."""

    name = models.CharField(primary_key=True, max_length=30)
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


def new_webhook_token() -> str:
    """128 random bits, a letter first."""
    return f"w{secrets.token_hex(16)}"


class WebhookFormat(models.TextChoices):
    """How a webhook's events are written."""

    #: Many in one call, as the native API shows them; signed by HMAC.
    NATIVE = "native"
    #: One a call, as SMTPeter's clients know them.
    SMTPETER = "smtpeter"


class Webhook(models.Model):
    """A URL that is told an account's events, each at least once and in order: a reader of events with a cursor."""

    token = models.CharField(max_length=33, unique=True, default=new_webhook_token, editable=False)
    account_id = models.BigIntegerField()
    url = models.CharField(max_length=2000)
    kinds = models.JSONField(default=list, blank=True, help_text="Empty: all.")
    format = models.CharField(max_length=8, choices=WebhookFormat.choices, default=WebhookFormat.NATIVE)
    settings = models.JSONField(default=dict, blank=True, help_text="Of its format.")
    secret_sealed = models.TextField(editable=False)
    #: Signs too until then, so that a receiver can change its own in between.
    previous_secret_sealed = models.TextField(blank=True, editable=False)
    previous_until = models.DateTimeField(null=True, editable=False)
    verified_at = models.DateTimeField(null=True, blank=True)
    #: Events before this position are told, or were not to be.
    transaction = TransactionId(default=0)
    event_id = models.BigIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0, help_text="Failures in a row.")
    failing_since = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(default=timezone.now)
    #: Nobody else calls it before.
    leased_until = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_because = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["account_id"], name="webhook_of_account"),
            models.Index(fields=["next_try_at"], condition=models.Q(paused_at=None), name="webhook_due"),
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def state(self) -> str:
        """How it is doing: one of `webhooks.STATES`."""
        if self.paused_at:
            return "paused"
        return "failing" if self.failing_since else "well"


class WebhookDelivery(models.Model):
    """One call of a webhook, or one that was not made, and what came of it. No body, no address."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    first_event_id = models.BigIntegerField()
    last_event_id = models.BigIntegerField()
    events = models.PositiveIntegerField()
    replay = models.BooleanField(default=False)
    at = models.DateTimeField(default=timezone.now)
    status = models.PositiveSmallIntegerField(null=True, help_text="Of its answer; empty: none came.")
    fault = models.CharField(max_length=200, blank=True)
    milliseconds = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["webhook", "at"], name="webhook_delivery_log")]
