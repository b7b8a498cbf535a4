"""The outbox: one row a mail, one row a claimed batch, and the increments of the ledger."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from earwig.models import Account, DeliveryAttempt, Domain
from spooling.models.contents import Content
from spooling.models.routers import Router
from spooling.models.spoolers import Lane, Spooler, SpoolerState, Submission


class MailState(models.TextChoices):
    """The nine words of the ledger; `spooling.outbox` alone writes them."""

    #: Stored; leaves when due.
    WAITING = "waiting"
    #: Claimed by a worker.
    SENDING = "sending"
    #: The receiving server took it.
    DELIVERED = "delivered"
    #: Refused for good, or given up.
    FAILED = "failed"
    #: Suppressed.
    BLOCKED = "blocked"
    #: Held for a person.
    QUARANTINED = "quarantined"
    #: Its `not_after` passed first.
    EXPIRED = "expired"
    #: Itself or its spooler was cancelled.
    CANCELLED = "cancelled"
    #: The reply after the final dot was lost.
    IN_DOUBT = "in_doubt"


#: States of mails with which something is still to be done, and that no worker holds.
PENDING = (MailState.WAITING, MailState.IN_DOUBT)


class Claim(models.Model):
    """A batch that one worker may send until its lease ends. Gone when all of it is settled."""

    worker = models.CharField(max_length=32, help_text="Names the worker's journal too.")
    host = models.CharField(max_length=64, help_text="The data folder the journal lies in.")
    boot = models.CharField(
        max_length=36, help_text="The boot of the host: a journal may lose its tail in a crash of it."
    )
    lane = models.CharField(max_length=13, choices=Lane.choices)
    leased_until = models.DateTimeField()
    #: When housekeeping first found it long overdue.
    missed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    #: Its mails have ids from the first to the last; spares every move of a mail an index of what is being sent.
    first_mail_id = models.BigIntegerField()
    last_mail_id = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["leased_until"], name="claim_by_lease")]


def _loose(to: type[models.Model], *, null: bool = False) -> models.ForeignKey:
    """A reference without a constraint or an index, which every insert and every move of a mail would pay for.

    A mail whose content or domain is gone is held by the drain.
    """
    return models.ForeignKey(
        to, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+", null=null
    )


class JsonText(models.JSONField):
    """JSON that the database keeps as it was written: no query asks what it says, and the drain reads it as text.

    As `jsonb`, PostgreSQL would take every mail's variables apart when it is stored and put them together when it is
    claimed.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "text"


class MailQuerySet(models.QuerySet["Mail"]):
    def to_addresses(self, emails: Iterable[str]) -> MailQuerySet:
        """Mails to these addresses as they were handed over."""
        return self.filter(email__in=emails)

    def newest_id(self) -> int:
        """0 without any."""
        return self.order_by("-id").values_list("id", flat=True).first() or 0

    def held_by(self, claim: Claim) -> MailQuerySet:
        """What is still being sent under `claim`."""
        ids = (claim.first_mail_id, claim.last_mail_id)
        return self.filter(pk__range=ids, claim=claim, state=MailState.SENDING)


class Mail(models.Model):
    """One content to one address. The row is the job: whatever its state says is still to be done, is done.

    No index holds what a claim or a settlement changes, and its table has room on each page (the migration's
    fillfactor): so PostgreSQL moves a mail without touching an index. What needs an index is in `Pending`.
    """

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    account = _loose(Account)
    spooler = _loose(Spooler)
    submission = _loose(Submission)
    content = _loose(Content)
    domain = _loose(Domain, null=True)
    attempt = _loose(DeliveryAttempt, null=True)
    lane = models.CharField(max_length=13, choices=Lane.choices)
    email = models.CharField(max_length=320)
    name = models.CharField(max_length=200, blank=True)
    variables = JsonText(default=dict)
    tags = JsonText(null=True)
    provider = models.CharField(max_length=32)
    state = models.CharField(max_length=11, choices=MailState.choices, default=MailState.WAITING)
    due_at = models.DateTimeField(default=timezone.now)
    not_after = models.DateTimeField(null=True)
    #: Set by the first temporary failure; a try that fails later than this is the last.
    give_up_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    claim = _loose(Claim, null=True)
    router = _loose(Router, null=True)
    #: 1 as long as its last outcome is a temporary failure; 2 more if the outcome before was one.
    deferral = models.PositiveSmallIntegerField(default=0, db_default=0)
    last_code = models.PositiveSmallIntegerField(null=True)
    last_reply = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(null=True)
    bounce_class = models.CharField(max_length=20, blank=True)
    opened_at = models.DateTimeField(null=True)
    clicked_at = models.DateTimeField(null=True)
    mirrored_at = models.DateTimeField(null=True)
    unsubscribed_at = models.DateTimeField(null=True)
    complained_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)
    #: Set when the address is erased: an unsubscription by an old link still holds.
    address_hash = models.CharField(max_length=64, blank=True, db_default="")

    objects = MailQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="mail_known_state", condition=models.Q(state__in=MailState.values)),
            models.UniqueConstraint(
                fields=["attempt"], condition=models.Q(attempt__isnull=False), name="mail_one_per_attempt"
            ),
        ]
        indexes = [
            # With the spooler: whether a campaign has an address already is one probe, however often it got mail.
            models.Index(fields=["email", "spooler"], name="mail_to"),
            models.Index(fields=["account", "id"], name="mail_of_account"),
            models.Index(fields=["spooler", "id"], name="mail_of_spooler"),
            models.Index(
                fields=["bounced_at"], condition=models.Q(bounced_at__isnull=False), name="mail_bounced"
            ),
        ]

    def shown_state(self, spooler_state: str) -> str:
        """What clients see: a mail still waiting in a cancelled spooler is cancelled, though nothing touched its row."""
        if self.state == MailState.WAITING and spooler_state == SpoolerState.CANCELLED:
            return MailState.CANCELLED
        return self.state


class Pending(models.Model):
    """A mail that waits or is in doubt, to be found by what it waits for. There exactly as long as it does so.

    Who moves a mail out of these states deletes its row first: two that try meet there.
    """

    mail = models.OneToOneField(
        Mail, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    account = _loose(Account)
    spooler = _loose(Spooler)
    lane = models.CharField(max_length=13, choices=Lane.choices)
    provider = models.CharField(max_length=32)
    state = models.CharField(max_length=8, choices=[(state, state) for state in PENDING])
    due_at = models.DateTimeField()
    not_after = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["spooler", "provider", "due_at", "mail"],
                condition=models.Q(state="waiting", lane="bulk"),
                name="pending_bulk",
            ),
            models.Index(
                fields=["provider", "due_at", "mail"],
                condition=models.Q(state="waiting", lane="transactional"),
                name="pending_transactional",
            ),
            models.Index(fields=["mail"], condition=models.Q(state="in_doubt"), name="pending_in_doubt"),
            models.Index(
                fields=["not_after"],
                condition=models.Q(state="waiting", not_after__isnull=False),
                name="pending_expiring",
            ),
        ]


class LedgerDelta(models.Model):
    """What one transaction changed in a spooler's ledger. The ledger is the sum; old rows are merged by the hour."""

    spooler = models.ForeignKey(Spooler, on_delete=models.CASCADE, related_name="deltas", db_index=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField(default=timezone.now)
    spooled = models.BigIntegerField(default=0, db_default=0)
    waiting = models.BigIntegerField(default=0, db_default=0)
    sending = models.BigIntegerField(default=0, db_default=0)
    delivered = models.BigIntegerField(default=0, db_default=0)
    failed = models.BigIntegerField(default=0, db_default=0)
    blocked = models.BigIntegerField(default=0, db_default=0)
    quarantined = models.BigIntegerField(default=0, db_default=0)
    expired = models.BigIntegerField(default=0, db_default=0)
    cancelled = models.BigIntegerField(default=0, db_default=0)
    in_doubt = models.BigIntegerField(default=0, db_default=0)
    #: Temporary failures: no state, and no part of the balance.
    deferrals = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="ledger_delta_balances",
                condition=models.Q(
                    spooled=models.F("waiting")
                    + models.F("sending")
                    + models.F("delivered")
                    + models.F("failed")
                    + models.F("blocked")
                    + models.F("quarantined")
                    + models.F("expired")
                    + models.F("cancelled")
                    + models.F("in_doubt")
                ),
            )
        ]
        indexes = [
            models.Index(fields=["spooler", "at"], name="ledger_delta_of_spooler"),
            models.Index(fields=["account", "at"], name="ledger_delta_of_account"),
        ]
