"""What both calls that send have in common: their members, how mails are stored, and the answer (contract §5)."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone

from earwig import domains, variables
from earwig.errors import DomainNotAllowed
from spooling import suppressions
from spooling.models import Mail
from spooling.models.spoolers import Lane
from spooling.outbox import intake
from spooling.outbox.drafts import Accepted, NewContent, NewMail, NewSend, NewSubmission
from spooling.wires.relay import attachments, errors, outputs, relations, wire
from spooling.wires.relay.inputs import Fields, Pair
from templates_app import rendering
from templates_app.errors import TemplateError

MOST_RECIPIENTS = 100
MOST_HEADERS, LONGEST_HEADER = 50, 4_000
MOST_METADATA, MOST_METADATA_BYTES = 100, 4_096
LONGEST_REFERENCE = 200
_KINDS = ("to", "cc", "bcc")


class Recipient(NamedTuple):
    """One delivery, and how its mail shows it; `model` are values for its copy alone."""

    name: str
    email: str
    kind: str
    model: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What a call says beside its wording."""

    recipients: tuple[Recipient, ...]
    #: Reply-To, who sees it, headers, files, and what is tracked.
    shared: Mapping[str, Any]
    client_reference: str
    metadata: Mapping[str, Any]


class _Addressee(NamedTuple):
    """As `suppressions.Recipient` has it."""

    account_id: int
    email: str
    lane: str
    domain_id: int | None


def read(fields: Fields) -> Letter:
    """The members; what is wrong is noted."""
    recipients = _recipients(fields)
    reply_to = fields.mailbox("reply_to")
    return Letter(
        recipients=recipients,
        shared={
            **_visible(recipients),
            "reply_to": (reply_to,) if reply_to else (),
            "headers": fields.header_lines("headers", most=MOST_HEADERS, longest=LONGEST_HEADER),
            "files": attachments.read(fields),
            "track_opens": not fields.flag("skip_track_opens"),
            "track_clicks": not fields.flag("skip_track_clicks"),
        },
        client_reference=fields.text("messageId", most=LONGEST_REFERENCE),
        metadata=_metadata(fields),
    )


def refuse_tags(fields: Fields, content: NewContent) -> None:
    """Note what of a content cannot be rendered."""
    sources = [
        *(("from_name", content.from_name), ("subject", content.subject)),
        *(("html", content.html), ("text", content.text)),
        *((f"headers.{name}"[:200], value) for name, value in content.headers),
        *(("reply_to", text) for pair in content.reply_to for text in pair),
    ]
    for name, source in sources:
        try:
            rendering.check(source, content.template_language)
        except TemplateError as error:
            fields.refuse(name, str(error))


def send(view: wire.WireView, letter: Letter, content: NewContent, *, link: relations.Link) -> HttpResponse:
    """Stores everything or nothing (quirk 14). Raises Invalid, SenderDomainNotAllowed and LimitReached.

    `link` leads to what was called.
    """
    view.credential.require_author(content.from_email)
    submission = NewSubmission(
        account_id=view.account_id,
        wire=wire.NAME,
        api_key_id=view.credential.key_id,
        client_reference=letter.client_reference,
        metadata=letter.metadata,
    )
    now = timezone.now()
    with transaction.atomic():
        accepted = intake.accept(submission, [_send(view.account_id, letter, content, now)], now=now)
        (message,) = Mail.objects.filter(pk=accepted[0].id).values_list("submission__public_id", flat=True)
    return _created(view, message, accepted, link)


def _created(
    view: wire.WireView, message: uuid.UUID, accepted: list[Accepted], link: relations.Link
) -> HttpResponse:
    href = f"{view.home}/messages/{message}"
    deliveries = [
        relations.link(f"{view.home}/deliveries/{mail.public_id}", "get-delivery") for mail in accepted
    ]
    links = [relations.link(href, "get-message", "related"), *deliveries, link, *view.ways_home()]
    document = outputs.created(str(message), "Message successfully queued", links)
    return view.answer(document, schema="creation-result", status=201, location=href)


def _send(account_id: int, letter: Letter, content: NewContent, now: datetime) -> NewSend:
    try:
        # Quirk 12.
        domain_id = domains.signing_domain(account_id, content.from_email)
    except DomainNotAllowed as error:
        raise errors.invalid("from_email", error.message) from None
    addressees = [
        _Addressee(account_id, recipient.email, Lane.TRANSACTIONAL, domain_id)
        for recipient in letter.recipients
    ]
    # Who is suppressed is told so at once (quirk 11).
    reasons = suppressions.reasons(addressees, now=now)
    mails = tuple(
        NewMail(recipient.email, recipient.name, recipient.model, suppressed=why or "")
        for recipient, why in zip(letter.recipients, reasons, strict=True)
    )
    return NewSend(content=dataclasses.replace(content, **letter.shared), mails=mails, domain_id=domain_id)


def _recipients(fields: Fields) -> tuple[Recipient, ...]:
    if not fields.value("recipients"):
        fields.require("recipients")
        return ()
    found = [_recipient(each) for each in fields.objects("recipients", most=MOST_RECIPIENTS)]
    return tuple(recipient for recipient in found if recipient is not None)


def _recipient(fields: Fields) -> Recipient | None:
    pair = fields.person()
    kind = fields.text("type").lower() or _KINDS[0]
    if kind not in _KINDS:
        fields.refuse("type", f"One of {', '.join(_KINDS)} is expected.")
    model = fields.variables("model", most=variables.OF_A_MAIL)
    return Recipient(*pair, kind, model) if pair else None


def _visible(recipients: tuple[Recipient, ...]) -> dict[str, tuple[Pair, ...]]:
    """Who is seen in To and Cc. One alone sees itself anyway, and the content says nothing of anybody."""
    if len(recipients) == 1:
        return {}
    seen = {
        kind: tuple((each.name, each.email) for each in recipients if each.kind == kind) for kind in _KINDS
    }
    return {"to": seen["to"], "cc": seen["cc"]}


def _metadata(fields: Fields) -> dict[str, Any]:
    metadata = fields.pairs("metadata", most=MOST_METADATA)
    if metadata and len(json.dumps(metadata)) > MOST_METADATA_BYTES:
        fields.refuse("metadata", f"At most {MOST_METADATA_BYTES} bytes.")
    return metadata
