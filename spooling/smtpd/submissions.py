"""Submitted messages into the outbox: several that wait together in one statement, each with its own reply."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import json
import logging
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import Error, InterfaceError, OperationalError, connection
from django.http import HttpResponse

from earwig import domains
from earwig.credentials import Credential
from earwig.errors import EarwigError
from earwig.web import idempotency
from spooling import errors, message_html, raw_messages
from spooling.delivery import structure
from spooling.outbox import intake
from spooling.outbox.drafts import Handling, NewContent, NewMail, NewSend, NewSubmission
from spooling.smtpd import logins, options, replies
from spooling.smtpd.dialogue import Recipient
from spooling.smtpd.logins import Login
from spooling.smtpd.options import Options
from templates_app.errors import TemplateError

WIRE = "smtp"
#: Different wishes for reports that recipients of one message may have; each is a copy of it.
MOST_WISHES = 20

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A message as it was handed over."""

    login: Login
    sender: str
    ret: str
    envid: str
    recipients: tuple[Recipient, ...]
    raw: bytes = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A message that may be stored; `place` is its own among those of the batch."""

    place: int
    submission: NewSubmission
    sends: tuple[NewSend, ...]
    repeat: idempotency.Call | None


class _Refused(Exception):
    """A message is not stored."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


def accept(batch: Sequence[Submitted], *, now: datetime) -> Iterator[tuple[int, str]]:
    """Store them; each place in the batch with its reply, as soon as that is true.

    What a reply below 300 answers is committed.
    """
    ready: list[_Ready] = []
    for place, submitted in enumerate(batch):
        try:
            ready.append(_ready(place, submitted, now))
        except _Refused as refused:
            yield place, refused.reply
    ready.sort(key=_company)
    for _, together in itertools.groupby(ready, key=_company):
        for message, reply in _stored(list(together), now):
            yield message.place, reply


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """Raises _Refused where what is done within cannot be done."""
    try:
        yield
    except EarwigError as error:
        raise _Refused(replies.of(error)) from error
    except Error as error:
        log.warning("A submitted message was not stored.", extra={"error": type(error).__name__})
        if isinstance(error, OperationalError | InterfaceError):
            connection.close()
        raise _Refused(replies.of_fault(error)) from error


def _company(message: _Ready) -> tuple[object, ...]:
    """Messages are stored together whose submissions are alike."""
    given = message.submission
    shared = json.dumps([given.tags, given.metadata], sort_keys=True)
    alone = "" if message.repeat is None else f"{message.place}"
    return (given.account_id, given.api_key_id or 0, shared, alone)


def _stored(together: list[_Ready], now: datetime) -> Iterator[tuple[_Ready, str]]:
    try:
        answers = _store(together, now)
    except _Refused as refused:
        if len(together) == 1 or refused.reply == replies.NOT_STORED:
            # Where the connection broke, it may be stored all the same: only the client may send it again.
            yield from ((message, refused.reply) for message in together)
            return
        # One of them is at fault, or there is room for some only.
        for message in together:
            yield from _stored([message], now)
    else:
        yield from answers


@_refusing()
def _store(together: Sequence[_Ready], now: datetime) -> list[tuple[_Ready, str]]:
    first = together[0]
    if first.repeat is not None:
        call = first.repeat
        answer = idempotency.once(call, lambda: HttpResponse(_store_all(together, now)[0]))
        return [(first, answer.content.decode())]
    return list(zip(together, _store_all(together, now), strict=True))


def _store_all(together: Sequence[_Ready], now: datetime) -> list[str]:
    sends = [
        dataclasses.replace(send, call=number)
        for number, message in enumerate(together)
        for send in message.sends
    ]
    accepted = iter(intake.accept(together[0].submission, sends, now=now))
    counts = [sum(len(send.mails) for send in message.sends) for message in together]
    return [replies.accepted([mail.hex for mail in itertools.islice(accepted, count)]) for count in counts]


@_refusing()
def _ready(place: int, submitted: Submitted, now: datetime) -> _Ready:
    """Raises _Refused for what the key, its account or the message does not allow."""
    credential = logins.credential_of(submitted.login, now=now)
    wanted = options.read(structure.fields_of(submitted.raw))
    content = _content(submitted.raw, wanted)
    domain_id = _domain(credential, content)
    if submitted.sender and not wanted.track_bounces:
        # It is what receivers see, and what their SPF looks at.
        domains.require_free(credential.account_id, submitted.sender)
    return _Ready(
        place=place,
        submission=NewSubmission(
            account_id=credential.account_id,
            wire=WIRE,
            api_key_id=credential.key_id,
            tags=wanted.tags,
            metadata=wanted.metadata,
        ),
        sends=_sends(submitted, content, wanted, domain_id),
        repeat=_repeat(submitted, wanted, credential, now),
    )


def _content(raw: bytes, wanted: Options) -> NewContent:
    content = raw_messages.read(raw, dropped=options.DROPPED)
    try:
        return message_html.inlined(content) if wanted.inline_css else content
    except TemplateError as error:
        raise errors.MessageUnusable(f"Its style sheets cannot be inlined. {error}") from None


def _domain(credential: Credential, content: NewContent) -> int | None:
    for author in filter(None, (raw_messages.sender_of(content), content.from_email)):
        credential.require_author(author)
        domain_id = domains.sending_domain(credential.account_id, author)
    return domain_id


def _sends(
    submitted: Submitted, content: NewContent, wanted: Options, domain_id: int | None
) -> tuple[NewSend, ...]:
    """A content for each wish of DSN, to those recipients that share it, each once."""
    unlike = {(each.notify, each.orcpt) for each in submitted.recipients}
    keeps_original = len(unlike) <= MOST_WISHES
    groups: dict[Handling, dict[str, None]] = {}
    for each in submitted.recipients:
        handling = Handling(
            envelope_sender=submitted.sender,
            track_bounces=wanted.track_bounces,
            notify=each.notify,
            ret=submitted.ret,
            envid=submitted.envid,
            orcpt=each.orcpt if keeps_original else "",
            spare_shown_links=wanted.spare_shown_links,
        )
        groups.setdefault(handling, {})[each.email] = None
    followed = dataclasses.replace(content, track_opens=wanted.track_opens, track_clicks=wanted.track_clicks)
    return tuple(
        NewSend(
            content=dataclasses.replace(followed, handling=handling),
            mails=tuple(NewMail(email=email) for email in emails),
            lane=wanted.lane,
            domain_id=domain_id,
        )
        for handling, emails in groups.items()
    )


def _repeat(
    submitted: Submitted, wanted: Options, credential: Credential, now: datetime
) -> idempotency.Call | None:
    key = wanted.idempotency_key
    if key is None:
        return None
    if not (0 < len(key) <= idempotency.MAX_LENGTH and key.isascii() and key.isprintable()):
        raise errors.MessageUnusable(idempotency.IdempotencyKeyInvalid().message)
    digest = hashlib.sha256(json.dumps([each.email for each in submitted.recipients]).encode())
    digest.update(submitted.raw)
    return idempotency.Call(
        account_id=credential.account_id,
        method="SMTP",
        path="",
        key=key,
        payload_digest=digest.hexdigest(),
        now=now,
    )
