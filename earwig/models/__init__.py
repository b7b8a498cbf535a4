"""The tables of `earwig`, one module a noun."""

from earwig.models.accounts import Account, Membership
from earwig.models.api_keys import ApiKey
from earwig.models.audit import AuditEntry, IdempotencyKey
from earwig.models.domains import DkimKey, Domain
from earwig.models.messages import DeliveryAttempt, HandoffMessage, MessageRecipient, Reply, ResponseStatistic
from earwig.models.people import ContactDetail, Person
from earwig.models.senders import SaltFingerprint, Sender, SenderPurge

__all__ = [
    "Account",
    "ApiKey",
    "AuditEntry",
    "ContactDetail",
    "DeliveryAttempt",
    "DkimKey",
    "Domain",
    "HandoffMessage",
    "IdempotencyKey",
    "Membership",
    "MessageRecipient",
    "Person",
    "Reply",
    "ResponseStatistic",
    "SaltFingerprint",
    "Sender",
    "SenderPurge",
]
