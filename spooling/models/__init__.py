"""The tables of `spooling`, one module a noun."""

from spooling.models.contents import Attachment, Content, ContentFile, ContentLink
from spooling.models.files import HostedFile
from spooling.models.heartbeats import Heartbeat
from spooling.models.inbound import DmarcReport, IncomingMail
from spooling.models.jobs import JobFile, JobRequest
from spooling.models.mails import Claim, LedgerDelta, Mail, Pending
from spooling.models.message_sets import BinaryContent, MessageSet, StageMessage
from spooling.models.resources import Resource, SpoolerMessage
from spooling.models.routers import ConnectionSlot, ProviderLimit, Route, Router, Shape, WarmUp, WarmUpDay
from spooling.models.schedules import Schedule, ScheduleRun
from spooling.models.spoolers import Backlog, Spooler, Submission
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
    "ContentLink",
    "DmarcReport",
    "Heartbeat",
    "HostedFile",
    "IncomingMail",
    "JobFile",
    "JobRequest",
    "LedgerDelta",
    "Mail",
    "MessageSet",
    "Pending",
    "ProviderLimit",
    "Resend",
    "Resource",
    "Route",
    "Router",
    "Schedule",
    "ScheduleRun",
    "SendEstimate",
    "SendFailure",
    "Shape",
    "Spooler",
    "SpoolerMessage",
    "StageMessage",
    "Submission",
    "Subscription",
    "Suppression",
    "TrappedMail",
    "WarmUp",
    "WarmUpDay",
]
