"""Campaigns and standing streams, what of them waits, and the calls that filled them."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable
from datetime import datetime

from django.db import models
from django.utils import timezone

from earwig.models import Account, ApiKey, Domain


class Lane(models.TextChoices):
    """Which workers send it."""

    #: Single mails; never waits behind a campaign.
    TRANSACTIONAL = "transactional"
    #: Campaigns.
    BULK = "bulk"


class SpoolerType(models.TextChoices):
    """Why the spooler exists."""

    #: Made by a client, launched once.
    CAMPAIGN = "campaign"
    #: One per account and lane: takes every mail that names no spooler.
    STREAM = "stream"
    #: One per domain, hidden: takes drafts, counts in no figure.
    DRAFT = "draft"


class SpoolerState(models.TextChoices):
    """Where a spooler stands. Its mails follow it without being touched."""

    #: Being filled.
    PENDING = "pending"
    #: May send from `start_at` on.
    READY = "ready"
    #: Sends nothing until resumed.
    PAUSED = "paused"
    #: Whatever has not left is cancelled.
    CANCELLED = "cancelled"
    #: Takes no more mail; what waits still leaves, and then it ends.
    FINISHED = "finished"


#: States in which waiting mail leaves.
RUNNING = (SpoolerState.READY, SpoolerState.FINISHED)


def new_token() -> str:
    """128 random bits, a letter first as one of the wires needs."""
    return f"s{secrets.token_hex(16)}"


class PauseReason(models.TextChoices):
    """Who paused a spooler."""

    #: A person or a client.
    REQUEST = "request"
    #: Too many of its mails failed.
    FAILURES = "failures"
    #: Too many of its mails were deferred.
    DEFERRALS = "deferrals"
    #: Its `not_after` passed while mail still waited.
    STALE = "stale"


def running(now: datetime, prefix: str = "") -> models.Q:
    """That the spooler, or the one that `prefix` leads to, lets its waiting mails leave at `now`."""
    within_time = models.Q((f"{prefix}not_after", None)) | models.Q((f"{prefix}not_after__gte", now))
    return within_time & models.Q((f"{prefix}state__in", RUNNING), (f"{prefix}start_at__lte", now))


class SpoolerQuerySet(models.QuerySet["Spooler"]):
    def shown_to(self, account_id: int) -> SpoolerQuerySet:
        """The account's campaigns and streams; what takes its drafts is hidden."""
        return self.filter(account=account_id).exclude(type=SpoolerType.DRAFT)

    def campaigns_of(self, account_id: int) -> SpoolerQuerySet:
        return self.filter(account=account_id, type=SpoolerType.CAMPAIGN)

    def halted(self, now: datetime) -> SpoolerQuerySet:
        """Spoolers whose waiting mails may not leave at `now`, but those in which nothing waits any more."""
        ended = models.Q(state=SpoolerState.FINISHED, ended_at__isnull=False)
        return self.filter(~running(now) & ~ended, swept_at=None)

    def drafts_among(self, ids: Iterable[int]) -> set[int]:
        """Those of the spoolers that take drafts, of whose mails no event tells."""
        return set(self.filter(type=SpoolerType.DRAFT, pk__in=set(ids)).values_list("pk", flat=True))


class Spooler(models.Model):
    """Every mail belongs to one: a campaign, or the standing stream of its account and lane."""

    token = models.CharField(max_length=33, unique=True, default=new_token, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="spoolers")
    domain = models.ForeignKey(
        Domain, on_delete=models.PROTECT, null=True, blank=True, related_name="spoolers"
    )
    name = models.CharField(max_length=2000, blank=True)
    type = models.CharField(max_length=8, choices=SpoolerType.choices, default=SpoolerType.CAMPAIGN)
    state = models.CharField(max_length=9, choices=SpoolerState.choices, default=SpoolerState.PENDING)
    lane = models.CharField(max_length=13, choices=Lane.choices, default=Lane.BULK)
    start_at = models.DateTimeField(default=timezone.now)
    not_after = models.DateTimeField(null=True, blank=True)
    tags = models.JSONField(default=list, blank=True)
    headers = models.JSONField(default=dict, blank=True)
    variables = models.JSONField(default=dict, blank=True)
    #: What its mails say that say nothing themselves; complete when it is ready.
    content = models.ForeignKey(
        "spooling.Content", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    #: Whether a mail of it says something that only `content` says: then that must be complete.
    shares_content = models.BooleanField(default=False, editable=False)
    paused_at = models.DateTimeField(null=True, editable=False)
    paused_because = models.CharField(max_length=9, choices=PauseReason.choices, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    #: When it was first ready.
    launched_at = models.DateTimeField(null=True, editable=False)
    #: When it was last let go: what its brake counts begins then.
    resumed_at = models.DateTimeField(null=True, editable=False)
    #: Since when it takes no more mail, also while it is paused.
    closed_at = models.DateTimeField(null=True, editable=False)
    #: When it was cancelled, or had finished and the last of its mails was settled.
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: Set once it is cancelled and the rows of all that waited say so.
    swept_at = models.DateTimeField(null=True, blank=True, editable=False)
    objects = SpoolerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "lane"],
                condition=models.Q(type="stream"),
                name="spooler_one_stream_per_lane",
            ),
            models.UniqueConstraint(
                fields=["domain"], condition=models.Q(type="draft"), name="spooler_one_of_drafts_per_domain"
            ),
            models.UniqueConstraint(
                fields=["account"],
                condition=models.Q(type="draft", domain=None),
                name="spooler_one_of_drafts_without_domain",
            ),
            models.CheckConstraint(
                name="spooler_known_words",
                condition=models.Q(
                    state__in=SpoolerState.values, lane__in=Lane.values, type__in=SpoolerType.values
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["account", "id"], name="spooler_of_account"),
            models.Index(
                fields=["id"],
                condition=models.Q(type="campaign", ended_at=None),
                name="spooler_open_campaign",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def domain_name(self) -> str:
        """Of its sending domain; empty without one."""
        return "" if self.domain is None else self.domain.name

    @property
    def takes_mail(self) -> bool:
        """Whether mail may still be added."""
        return self.closed_at is None and self.state not in (SpoolerState.CANCELLED, SpoolerState.FINISHED)

    def is_stale(self, now: datetime) -> bool:
        """Whether its time has passed: nothing of it leaves before it has a later `not_after`."""
        return self.not_after is not None and self.not_after < now


class BacklogQuerySet(models.QuerySet["Backlog"]):
    def of(self, spooler_id: int, provider: str) -> BacklogQuerySet:
        return self.filter(spooler_id=spooler_id, provider=provider)

    def idle_at(self, due_at: datetime) -> BacklogQuerySet:
        """Backlogs that do not know yet that something is due at `due_at`."""
        return self.filter(models.Q(next_due_at=None) | models.Q(next_due_at__gt=due_at))


class Backlog(models.Model):
    """What waits in a bulk spooler for one provider, so that idle campaigns cost no look and busy ones no long one."""

    spooler = models.ForeignKey(Spooler, on_delete=models.CASCADE, related_name="backlogs")
    provider = models.CharField(max_length=32)
    #: Not before then is anything due; None: nothing waits. May lag behind: the control tick mends it.
    next_due_at = models.DateTimeField(null=True)
    #: A claim starts above (floor_at, floor_id): below lie the dead index entries of what has left.
    floor_at = models.DateTimeField(null=True)
    floor_id = models.BigIntegerField(default=0)

    objects = BacklogQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["spooler", "provider"], name="backlog_once_per_provider")
        ]
        indexes = [
            models.Index(
                fields=["next_due_at"], condition=models.Q(next_due_at__isnull=False), name="backlog_due"
            )
        ]


class Submission(models.Model):
    """One call of a client, and all the mails that it made."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="submissions")
    api_key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, related_name="+")
    wire = models.CharField(max_length=10)
    client_reference = models.CharField(max_length=200, blank=True)
    tags = models.JSONField(default=list)
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
