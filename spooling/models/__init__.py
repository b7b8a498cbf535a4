"""The tables of `spooling`, one module a noun."""

from spooling.models.contents import Attachment, Content, ContentFile
from spooling.models.heartbeats import Heartbeat
from spooling.models.mails import Claim, LedgerDelta, Mail, Pending
from spooling.models.routers import ConnectionSlot, Route, Router, Shape
from spooling.models.spoolers import Backlog, JobRequest, Spooler, Submission
from spooling.models.suppressions import Suppression
from spooling.models.trap import TrappedMail

__all__ = [
    "Attachment",
    "Backlog",
    "Claim",
    "ConnectionSlot",
    "Content",
    "ContentFile",
    "Heartbeat",
    "JobRequest",
    "LedgerDelta",
    "Mail",
    "Pending",
    "Route",
    "Router",
    "Shape",
    "Spooler",
    "Submission",
    "Suppression",
    "TrappedMail",
]
