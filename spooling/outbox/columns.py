"""New mails column by column, as texts that one statement takes apart again: PostgreSQL reads them in a quarter of the
time that a JSON object a mail takes. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from spooling.outbox.drafts import Placed


def of(sends: Sequence[Placed]) -> dict[str, str]:
    """A text a column, an item for each mail in order; `sends` are numbers of the send.

    Emails and names are JSON lists, as they may hold a line end. All others have an item a line.
    """
    mails = [mail for send in sends for mail in send.mails]
    numbers = [str(number) for number, send in enumerate(sends) for _ in send.mails]
    attempts = ["" if mail.attempt_id is None else str(mail.attempt_id) for mail in mails]
    return {
        "ids": _lines([public_id for send in sends for public_id in send.public_ids]),
        "sends": _lines(numbers),
        "emails": _json([mail.email for mail in mails]),
        "names": _json([mail.name for mail in mails]),
        "variables": _lines([text for send in sends for text in send.variables]),
        "providers": _lines([provider for send in sends for provider in send.providers]),
        "attempts": _lines(attempts),
    }


def exceptions(sends: Sequence[Placed]) -> dict[str, str]:
    """The same of what few mails have; an empty line where one has none."""
    mails = [mail for send in sends for mail in send.mails]
    return {
        "mail_tags": _lines([_json(mail.tags) if mail.tags else "" for mail in mails]),
        "suppressed": _lines([mail.suppressed for mail in mails]),
    }


_lines = "\n".join


def _json(value: Any) -> str:
    """On one line."""
    return orjson.dumps(value).decode()
