"""The tables of `spooling`, one module a noun."""

from spooling.models.contents import Attachment, Content, ContentFile
from spooling.models.heartbeats import Heartbeat
from spooling.models.mails import Claim, LedgerDelta, Mail, Pending
from spooling.models.message_sets import BinaryContent, MessageSet, StageMessage
from spooling.models.routers import ConnectionSlot, Route, Router, Shape
from spooling.models.schedules import Schedule, ScheduleRun
from spooling.models.spoolers import Backlog, JobRequest, Spooler, Submission
from spooling.models.subscriptions import (
    BehindSubscription,
    Resend,
    SendEstimate,
    SendFailure,
    Subscription,
)
from spooling.models.suppressions import Suppression
from spooling.models.trap import TrappedMail

__all__ = [
    "Attachment",
    "Backlog",
    "BehindSubscription",
    "BinaryContent",
    "Claim",
    "ConnectionSlot",
    "Content",
    "ContentFile",
    "Heartbeat",
    "JobRequest",
    "LedgerDelta",
    "Mail",
    "MessageSet",
    "Pending",
    "Resend",
    "Route",
    "Router",
    "Schedule",
    "ScheduleRun",
    "SendEstimate",
    "SendFailure",
    "Shape",
    "Spooler",
    "StageMessage",
    "Submission",
    "Subscription",
    "Suppression",
    "TrappedMail",
]
