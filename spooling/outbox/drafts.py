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
class Handling:
    """How a send's mails are handed over and followed, where it is not as usual.

    Bounces come back to `envelope_sender` alone where `track_bounces` is off, and are passed on to it where it is on;
    what fails with us is told to it either way.
    `notify`, `ret`, `envid` and `orcpt` are RFC 3461's, decoded; an empty `orcpt` is the mail's own address.
    """

    envelope_sender: str = ""
    track_bounces: bool = True
    notify: str = ""
    ret: str = ""
    envid: str = ""
    orcpt: str = ""
    #: Leave a link alone whose label shows its target: a tracked one would look like a fraud.
    spare_shown_links: bool = False


USUAL = Handling()
#: A null return path: what becomes of the mail is not heard of, and answers nothing (RFC 5321 §4.5.5, RFC 3834 §3.3).
UNANSWERABLE = Handling(track_bounces=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContent:
    """What a send says. Addresses are (name, email); an empty `to` shows each mail its own recipient.

    What it leaves empty, the content `base_id` says. The other fields are as in `Content`. Who takes `variables` from a
    client has seen that they are within `earwig.variables.OF_A_CONTENT`.
    """

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
    base_id: int | None = None
    to_name: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)
    tracked: bool = True
    track_opens: bool = False
    track_clicks: bool = False
    unsubscribe_id: int | None = None
    #: A complete message, which goes out as it is but for what tracking, signing and the template language add. Then the
    #: fields above only tell of it, for lists and the choice of a domain.
    raw: bytes = b""
    handling: Handling = USUAL


class NewMail(NamedTuple):
    """One address that the content goes to, with its own variables, which `intake` bounds. Suppressed: the reason; it is
    stored as blocked.
    """

    email: str
    name: str = ""
    variables: Mapping[str, Any] = {}
    attempt_id: int | None = None
    tags: tuple[str, ...] = ()
    suppressed: str = ""

    @property
    def state(self) -> str:
        return "blocked" if self.suppressed else "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSend:
    """One content, a new one or the stored one of `content_id`, to some addresses.

    Without a spooler it goes to the account's standing stream of that lane.
    """

    content: NewContent | None = None
    content_id: int | None = None
    mails: tuple[NewMail, ...]
    lane: str = Lane.TRANSACTIONAL
    spooler_id: int | None = None
    domain_id: int | None = None
    due_at: datetime | None = None
    not_after: datetime | None = None
    #: Which of several calls makes it, from 0.
    call: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubmission:
    """The call that makes the mails; or several, which are alike but for their sends."""

    account_id: int
    wire: str
    api_key_id: int | None = None
    client_reference: str = ""
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    #: Whether its variables come from a client, who is held to a bound.
    bounded: bool = True


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
    """A send about to be stored, in its place; `public_ids` (hex), `variables` (JSON on one line) and `providers` are
    those of its mails, in order.
    """

    content: NewContent | None
    content_id: int | None
    mails: tuple[NewMail, ...]
    public_ids: list[str]
    variables: list[str]
    providers: list[str]
    spooler_id: int
    lane: str
    domain_id: int | None
    due_at: datetime
    not_after: datetime | None
    call: int
