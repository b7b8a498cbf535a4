"""Form fields to values. Presence first, in the contract's order; values after the key (contract §3)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from django.http import QueryDict

from earwig.messages import Draft, SenderDraft
from earwig.models.messages import MessageType
from spooling.wires.handoff import errors

SENDER_FIELDS = ("email", "name", "ttl")
MESSAGE_FIELDS = ("type", "subject", "message", "sender")

MOST_EMAIL = 254
MOST_NAME = 200
MOST_SUBJECT = 255
MOST_MESSAGE = 1_000_000
#: Characters of a sender as JSON.
MOST_SENDER = 65_536

_SENDER_ID = re.compile(r"[0-9a-f]{64}")
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,20}\s*", re.ASCII)
_BREAK = re.compile("[\r\n\x00]")
#: What PostgreSQL's text cannot hold: NUL, and halves of surrogate pairs, which JSON can spell.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def require(fields: QueryDict, names: Iterable[str]) -> None:
    """Raises MissingParameter naming the first absent field."""
    for name in names:
        if name not in fields:
            raise errors.MissingParameter(name)


def sender_draft(fields: QueryDict) -> SenderDraft:
    """Of /sender/. Raises InvalidParameter."""
    _refuse_unstorable(fields)
    email, name, ttl = (_last(fields, field) for field in SENDER_FIELDS)
    return _checked(email, name, ttl)


def message_draft(fields: QueryDict) -> Draft:
    """Of /message/. Raises InvalidParameter, InvalidType, InvalidSender, InvalidSenderJson,
    SenderFieldMissing.
    """
    _refuse_unstorable(fields)
    type_, subject, message, sender = (_last(fields, field) for field in MESSAGE_FIELDS)
    if type_ not in MessageType.values:
        raise errors.InvalidType
    return Draft(
        type=type_,
        subject=_line("subject", subject, MOST_SUBJECT),
        message=_text("message", message),
        sender=_sender(sender),
        recipients=tuple(fields.getlist("recipients")),
    )


def _last(fields: QueryDict, name: str) -> str:
    return str(fields[name])


def _refuse_unstorable(fields: QueryDict) -> None:
    for name, values in fields.lists():
        if any(isinstance(value, str) and _UNSTORABLE.search(value) for value in values):
            raise errors.InvalidParameter(_UNSTORABLE.sub("", name)[:50])


def _sender(value: str) -> str | SenderDraft:
    if _SENDER_ID.match(value):
        if len(value) > 64:
            raise errors.InvalidSender
        return value
    if len(value) > MOST_SENDER:
        raise errors.InvalidSenderJson
    try:
        payload = json.loads(value)
    except (ValueError, RecursionError):
        raise errors.InvalidSenderJson from None
    if not isinstance(payload, dict):
        raise errors.InvalidSenderJson
    for name in SENDER_FIELDS:
        if name not in payload:
            raise errors.SenderFieldMissing(name)
    return _payload_draft(payload)


def _payload_draft(payload: dict[str, Any]) -> SenderDraft:
    email, name, ttl = (payload[field] for field in SENDER_FIELDS)
    if not isinstance(email, str) or not isinstance(name, str):
        raise errors.InvalidSenderJson
    if _UNSTORABLE.search(email + name):
        raise errors.InvalidSenderJson
    if isinstance(ttl, float) and ttl.is_integer():
        ttl = int(ttl)
    if isinstance(ttl, bool) or not isinstance(ttl, (int, str)):
        raise errors.InvalidSenderJson("ttl")
    try:
        return _checked(email, name, str(ttl)[:50])
    except errors.InvalidParameter as error:
        raise errors.InvalidSenderJson(*error.args) from None


def _checked(email: str, name: str, ttl: str) -> SenderDraft:
    return SenderDraft(email=_email(email), name=_line("name", name, MOST_NAME), ttl_days=_days(ttl))


def _email(value: str) -> str:
    """As received, never normalised: the sender's id is a hash of exactly this."""
    local, _, domain = value.partition("@")
    if not local or not domain or "@" in domain:
        raise errors.InvalidParameter("email")
    return _line("email", value, MOST_EMAIL)


def _days(value: str) -> int:
    if not _INTEGER.fullmatch(value):
        raise errors.InvalidParameter("ttl")
    return int(value)


def _line(name: str, value: str, most: int) -> str:
    if len(value) > most or _BREAK.search(value):
        raise errors.InvalidParameter(name)
    return value


def _text(name: str, value: str) -> str:
    if len(value) > MOST_MESSAGE:
        raise errors.InvalidParameter(name)
    return value
