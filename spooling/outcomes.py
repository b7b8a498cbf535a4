"""What a mail's state says of its attempt (handoff contract §10). Pure."""

from __future__ import annotations

import re

from earwig.models.messages import AttemptStatus
from spooling.models import Mail
from spooling.models.mails import MailState

_ENDED: dict[str, AttemptStatus] = {
    MailState.DELIVERED: AttemptStatus.SENT,
    MailState.BLOCKED: AttemptStatus.BLOCKED,
    MailState.EXPIRED: AttemptStatus.INVALID,
    MailState.CANCELLED: AttemptStatus.INVALID,
}
#: States of mails whose attempts have ended with them.
ENDED = (*_ENDED, MailState.FAILED)
#: Classes of a bounce that say more than that the address is wrong.
_BOUNCED: dict[str, AttemptStatus | None] = {
    "policy": AttemptStatus.BLOCKED,
    "block": AttemptStatus.BLOCKED,
    "blocked": AttemptStatus.BLOCKED,
    "complaint": AttemptStatus.BLOCKED,
    "unsubscribe": AttemptStatus.BLOCKED,
    "spam": AttemptStatus.BLOCKED,
    "soft": None,
    "transient": None,
    "full": None,
    "too_large": None,
}
#: Classes of a bounce that say nothing of an attempt.
SILENT = tuple(word for word, status in _BOUNCED.items() if status is None)
#: By subject of the enhanced status (RFC 3463 §3): addressing and mailbox speak of the address, security of
#: policy; the rest of the mail or the way.
_SUBJECTS = {"1": AttemptStatus.BAD_DATA, "2": AttemptStatus.BAD_DATA, "7": AttemptStatus.BLOCKED}
#: Basic codes of a policy refusal where the server gives no enhanced one (RFC 5321 §4.2.3, RFC 7504).
_POLICY_CODES = frozenset({521, 530, 535, 554, 571})

_ENHANCED = re.compile(r"\b5\.(\d{1,3})\.(\d{1,3})\b")


def of(mail: Mail) -> AttemptStatus | None:
    """The status of the attempt; None: nothing is known of it yet."""
    if mail.bounced_at is not None:
        return _BOUNCED.get(mail.bounce_class, AttemptStatus.BAD_DATA)
    if mail.state == MailState.FAILED:
        return _failure_of(mail)
    if mail.state == MailState.WAITING and mail.tries:
        return AttemptStatus.RETRY
    return _ENDED.get(mail.state)


def _failure_of(mail: Mail) -> AttemptStatus:
    code = mail.last_code or 0
    if code < 500:
        return AttemptStatus.INVALID
    enhanced = _ENHANCED.search(mail.last_reply)
    if enhanced:
        return _SUBJECTS.get(enhanced[1], AttemptStatus.INVALID)
    return AttemptStatus.BLOCKED if code in _POLICY_CODES else AttemptStatus.BAD_DATA
