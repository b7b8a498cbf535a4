"""Campaigns and standing streams, the calls that filled them, and accepted jobs that are not mails."""

from __future__ import annotations

import secrets
import uuid
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
    #: Takes no more mail.
    FINISHED = "finished"


#: States in which waiting mail leaves.
RUNNING = (SpoolerState.READY, SpoolerState.FINISHED)


def new_token() -> str:
    """128 random bits, a letter first as one of the wires needs."""
    return f"s{secrets.token_hex(16)}"


class SpoolerQuerySet(models.QuerySet["Spooler"]):
    def halted(self, now: datetime) -> SpoolerQuerySet:
        """Spoolers whose waiting mails may not leave at `now`, but cancelled ones that are swept."""
        return self.exclude(state__in=RUNNING, start_at__lte=now).filter(swept_at=None)


class Spooler(models.Model):
    """Every mail belongs to one: a campaign, or the standing stream of its account and lane."""

    token = models.CharField(max_length=33, unique=True, default=new_token, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="spoolers")
    domain = models.ForeignKey(
        Domain, on_delete=models.PROTECT, null=True, blank=True, related_name="spoolers"
    )
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=8, choices=SpoolerType.choices, default=SpoolerType.CAMPAIGN)
    state = models.CharField(max_length=9, choices=SpoolerState.choices, default=SpoolerState.PENDING)
    lane = models.CharField(max_length=13, choices=Lane.choices, default=Lane.BULK)
    start_at = models.DateTimeField(default=timezone.now)
    not_after = models.DateTimeField(null=True, blank=True)
    tags = models.JSONField(default=list, blank=True)
    headers = models.JSONField(default=dict, blank=True)
    variables = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
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
            models.CheckConstraint(
                name="spooler_known_words",
                condition=models.Q(
                    state__in=SpoolerState.values, lane__in=Lane.values, type__in=SpoolerType.values
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["account", "id"], name="spooler_of_account"),
        ]

    def __str__(self) -> str:
        return self.name


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


class JobKind(models.TextChoices):
    """Accepted jobs that are not mails."""

    #: Put a spooler's mails back that failed, were held or are in doubt.
    RETRY_MAILS = "retry_mails"
    #: Send a subscription the message of the number that was next when it was asked for.
    SEND = "send"
    #: Send a subscription its last message once more.
    RESEND = "resend"
    #: Send all ready subscriptions of a schedule their next message.
    SCHEDULE_SEND = "schedule_send"
    #: Ask again for the messages that could not be handed over.
    REQUEUE_FAILURES = "requeue_failures"
    #: Estimate what the runs of a day reach.
    ESTIMATE = "estimate"
    #: Find the subscriptions that are behind their schedule.
    FIND_BEHIND = "find_behind"
    #: Set the gauges of the metrics.
    MEASURE = "measure"


class JobState(models.TextChoices):
    """Where a job stands."""

    #: Stored; nobody works on it.
    WAITING = "waiting"
    #: A worker is on it until its lease ends.
    RUNNING = "running"
    #: Done; the outcome is in `result`.
    DONE = "done"
    #: Gave up; the reason is in `result`.
    FAILED = "failed"


class JobRequest(models.Model):
    """Any accepted job that is not a mail. Run by the control tick, so a lost broker message loses none."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="job_requests")
    kind = models.CharField(max_length=20, choices=JobKind.choices)
    arguments = models.JSONField(default=dict)
    state = models.CharField(max_length=7, choices=JobState.choices, default=JobState.WAITING)
    progress = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True)
    #: The last id that is done with: the next slice begins above it.
    position = models.BigIntegerField(default=0)
    #: Tries that failed for a while; the next one waits for `leased_until`.
    tries = models.PositiveSmallIntegerField(default=0)
    result = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    #: Nobody else works on it before. A turn's end sets it to that moment, so open jobs take turns by it.
    leased_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], condition=models.Q(state__in=["waiting", "running"]), name="job_request_open"
            )
        ]
