"""What a caller hands to the outbox: values, checked by whoever parsed them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from spooling.models.spoolers import Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """An attachment, or an inline file when `cid` is given."""

    name: str
    type: str
    data: bytes
    cid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContent:
    """What a send says. Addresses are (name, email); an empty `to` shows each mail its own recipient."""

    from_email: str
    from_name: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    reply_to: tuple[tuple[str, str], ...] = ()
    to: tuple[tuple[str, str], ...] = ()
    cc: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    files: tuple[NewFile, ...] = ()
    template_language: str = "mustache"
    language: str = ""


class NewMail(NamedTuple):
    """One address that the content goes to, with its own variables."""

    email: str
    name: str = ""
    variables: Mapping[str, Any] = {}
    attempt_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSend:
    """One content to some addresses. Without a spooler it goes to the account's standing stream of that lane."""

    content: NewContent
    mails: tuple[NewMail, ...]
    lane: str = Lane.TRANSACTIONAL
    spooler_id: int | None = None
    domain_id: int | None = None
    due_at: datetime | None = None
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubmission:
    """The call that makes the mails."""

    account_id: int
    wire: str
    api_key_id: int | None = None
    client_reference: str = ""
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Accepted(NamedTuple):
    """One stored mail."""

    id: int
    #: The public id as 32 hex digits.
    hex: str
    email: str
    state: str

    @property
    def public_id(self) -> uuid.UUID:
        return uuid.UUID(self.hex)


class Placed(NamedTuple):
    """A send about to be stored, in its place; `public_ids` (hex) and `providers` are those of its mails, in order."""

    content: NewContent
    mails: tuple[NewMail, ...]
    public_ids: list[str]
    providers: list[str]
    spooler_id: int
    lane: str
    domain_id: int | None
    due_at: datetime
    not_after: datetime | None
