"""Accepted jobs that are not mails, and their files."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from earwig.models import Account


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
    #: Add the recipients of an uploaded file to a campaign.
    IMPORT_RECIPIENTS = "import_recipients"
    #: Look at what a campaign would do before it is launched.
    PREFLIGHT = "preflight"
    #: Write a day's events of a domain into a file.
    REPORT = "report"
    #: Write what became of the mails of some days into a file.
    REPORT_DELIVERIES = "report_deliveries"
    #: Collect what is stored of one recipient.
    DATA_REQUEST = "data_request"
    #: Tell a webhook the events of some time once more.
    REPLAY_EVENTS = "replay_events"
    #: Suppress the addresses of an uploaded file.
    IMPORT_SUPPRESSIONS = "import_suppressions"


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


class JobFile(models.Model):
    """A piece of a file that a job reads or writes; the pieces of one name, in order, are the file."""

    job = models.ForeignKey(JobRequest, on_delete=models.CASCADE, related_name="files", db_index=False)
    name = models.CharField(max_length=20, help_text="What it is to the job: input, errors, report.")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "name", "number"], name="job_file_piece_once")]
