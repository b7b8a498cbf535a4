"""What the server says, with enhanced status codes (RFC 3463)."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import DataError, Error

from earwig.errors import EarwigError

OK = "250 2.0.0 OK"
NOT_STORED = "451 4.3.0 It could not be stored now; try again later"

#: Replies to refusals, by the codes of errors. What is not here is a fault of the message.
BY_CODE = {
    "unknown_key": "535 5.7.8",
    "wrong_login": "535 5.7.8",
    "too_many_logins": "454 4.7.0",
    "address_not_allowed": "535 5.7.1",
    "scope_missing": "550 5.7.1",
    "sender_domain_not_allowed": "550 5.7.1",
    "domain_not_allowed": "550 5.7.1",
    "rate_limited": "450 4.7.1",
    "limit_reached": "452 4.7.1",
    "invalid_address": "553 5.1.3",
    "idempotency_key_reused": "554 5.5.0",
    "idempotency_still_running": "451 4.5.0",
}
_OTHER = "554 5.6.0"
#: Ids in one line: a line has 512 octets (RFC 5321 §4.5.3.1.5).
_TOGETHER = 10


def of(error: EarwigError) -> str:
    """The reply to a refusal."""
    return f"{BY_CODE.get(error.code, _OTHER)} {' '.join(error.message.split())[:400]}"


def of_fault(error: Error) -> str:
    """The reply when the database refuses: for good where it is what was said that it cannot hold."""
    return "554 5.6.0 It cannot be stored" if isinstance(error, DataError) else NOT_STORED


def accepted(ids: Sequence[str]) -> str:
    """The mails' ids, in the order of their recipients."""
    groups = [ids[start : start + _TOGETHER] for start in range(0, len(ids), _TOGETHER)]
    lines = [f"250-2.0.0 Accepted as {' '.join(group)}" for group in groups]
    return "\r\n".join([*lines[:-1], lines[-1].replace("250-", "250 ", 1)])
