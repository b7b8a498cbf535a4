"""The first mails of a campaign that did not arrive, and what was answered. Looks at a bounded number of rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from earwig.admin import pages
from spooling.models import Mail
from spooling.models.mails import MailState

#: Mails, oldest and newest, among which failed ones are looked for: no index finds them among a million.
LOOKED_AT = 5000
MOST_SHOWN = 5
_FAILED = (MailState.FAILED, MailState.QUARANTINED, MailState.IN_DOUBT)
_COLUMNS = ("id", "email", "state", "last_code", "last_reply")


class Failure(NamedTuple):
    """A mail and what is known of why."""

    href: str
    email: str
    state: str
    reply: str


def of_spooler(spooler_id: int, ledger: Mapping[str, int], *, may_name: bool) -> list[Failure]:
    """The first ones among the oldest mails, or else among the newest. Empty where the ledger has none.

    Without `may_name` they hold no address.
    """
    if not any(ledger[state] for state in _FAILED):
        return []
    return _among(spooler_id, "id", may_name) or _among(spooler_id, "-id", may_name)


def _among(spooler_id: int, order: str, may_name: bool) -> list[Failure]:
    looked_at = Mail.objects.filter(spooler=spooler_id).order_by(order).values("id")[:LOOKED_AT]
    failed = Mail.objects.filter(pk__in=looked_at, state__in=_FAILED).order_by("id")
    return [_failure(mail, may_name) for mail in failed.only(*_COLUMNS)[:MOST_SHOWN]]


def _failure(mail: Mail, may_name: bool) -> Failure:
    code, said = str(mail.last_code or ""), mail.last_reply
    if not said.startswith(code):
        said = f"{code} {said}"
    if mail.email and not may_name:
        said = re.sub(re.escape(mail.email), "…", said, flags=re.IGNORECASE)
    name = mail.email if mail.email and may_name else f"mail {mail.pk}"
    return Failure(pages.page_of(mail), name, MailState(mail.state).label, said)
