"""Complaints that recipients' providers pass on (RFC 5965). Pure."""

from __future__ import annotations

import re

from spooling.received import Received

_TYPE = "text/x-message-feedback-report"
_FEEDBACK = re.compile(r"^feedback-type[ \t]*:[ \t]*([a-z-]{1,40})", re.IGNORECASE | re.MULTILINE)
#: The recipient complains of the mail (RFC 5965 §3.1 and its registry). Others praise it, or speak of its signature.
_COMPLAINS = frozenset({"abuse", "fraud", "virus", "other", "miscategorized", "opt-out", "opt-out-list"})


def kind_of(received: Received) -> str:
    """The report's type, such as `abuse`; empty where a mail is no such report."""
    reports = (file.data.decode("utf-8", "replace") for file in received.files if file.type == _TYPE)
    for report in reports:
        found = _FEEDBACK.search(report)
        return found[1].lower() if found else "other"
    return ""


def complains(kind: str) -> bool:
    """Whether a report of this type is a complaint of the recipient's."""
    return kind in _COMPLAINS
