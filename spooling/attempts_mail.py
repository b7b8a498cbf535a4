"""The mail that an attempt sends to its recipient (handoff contract §6.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.db.models import Min

from earwig import mailboxes
from earwig.messages import tokens
from earwig.models import DeliveryAttempt, Sender
from spooling.outbox.drafts import NewContent, NewMail, NewSend

#: Characters of a message that the mail shows; the contract asks for 300 at least.
MOST_SHOWN = 10_000
#: Of submissions of handed-over messages, and of replies to them.
WIRE = "handoff"
#: Whose address and name are gone, or due to go.
NEUTRAL_NAME = "A constituent"

_SUBJECT = "You have {{count}} message(s)"
_TEXT = """\
Dear {{person}},

{{#first_to_person}}
This is the first mail that you get from this service. People use it to write to those who represent them, and
it hands their messages to you.

{{/first_to_person}}
{{^first_to_person}}
{{#first_to_address}}
This is the first mail that this service sends to this address of yours.

{{/first_to_address}}
{{/first_to_person}}
{{#messages}}
{{sender}} wrote to you:

{{subject}}

{{text}}
{{#cut}}
[The message goes on.]
{{/cut}}

{{/messages}}
Answer this mail to write back; neither of you sees the other's address.

More of this service: {{login_url}}
Stop these mails, or tell us that something is wrong: {{flag_url}}
"""
_HTML = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>You have {{count}} message(s)</title></head>
<body style="font-family: sans-serif; line-height: 1.5; max-width: 40em">
<p>Dear {{person}},</p>
{{#first_to_person}}
<p>This is the first mail that you get from this service. People use it to write to those who represent them,
and it hands their messages to you.</p>
{{/first_to_person}}
{{^first_to_person}}
{{#first_to_address}}
<p>This is the first mail that this service sends to this address of yours.</p>
{{/first_to_address}}
{{/first_to_person}}
{{#messages}}
<p><strong>{{sender}}</strong> wrote to you:</p>
<blockquote style="margin: 0; padding-left: 1em; border-left: 3px solid #ccc">
<p><strong>{{subject}}</strong></p>
<div style="white-space: pre-wrap">{{text}}</div>
{{#cut}}
<p>[The message goes on.]</p>
{{/cut}}
</blockquote>
{{/messages}}
<p>Answer this mail to write back; neither of you sees the other's address.</p>
<p><a href="{{login_url}}">More of this service</a></p>
<p><a href="{{flag_url}}">Stop these mails, or tell us that something is wrong</a></p>
</body>
</html>
"""
#: One click unsubscribes the recipient (RFC 8058).
FLAG_HEADERS = (
    ("List-Unsubscribe", "<{{flag_url}}>"),
    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
)


@dataclass(frozen=True, slots=True)
class _Firsts:
    """The earliest attempt at each person and at each contact."""

    person: dict[int, int]
    contact: dict[int, int]


def from_address() -> tuple[str, str]:
    """(name, address) of the installation's author, never the constituent's."""
    return parseaddr(settings.HANDOFF_FROM)


def thread_local_part(recipient_id: int) -> str:
    """What stands before the `@` of the address where both parties of a recipient's thread write to (contract §9.1)."""
    return f"reply+{recipient_id}-{tokens.token_of(tokens.Purpose.THREAD, recipient_id)}"


def thread_reference(recipient_id: int) -> str:
    """What the submissions that pass a recipient's thread on are known by."""
    return f"thread {recipient_id}"


def flag_url(attempt_id: int) -> str:
    """The feedback page of an attempt."""
    token = tokens.token_of(tokens.Purpose.FLAG, attempt_id)
    return f"{settings.PUBLIC_URL}/flag/{attempt_id}/{token}/"


def compose(attempts: Sequence[DeliveryAttempt], *, domain_id: int | None, now: datetime) -> NewSend:
    """One content for all attempts, and one mail for each in order."""
    ids = [attempt.pk for attempt in attempts]
    rows = DeliveryAttempt.objects.select_related(
        "contact", "recipient__person", "recipient__message__sender"
    ).in_bulk(ids)
    firsts = _firsts(list(rows.values()))
    mails = tuple(_mail(rows[pk], _variables(rows[pk], firsts, now)) for pk in ids)
    return NewSend(content=_content(), mails=mails, domain_id=domain_id)


def shown_name(sender: Sender, *, now: datetime) -> str:
    """The sender's name while it may be shown."""
    gone = sender.email is None or sender.email_expires_at <= now
    return NEUTRAL_NAME if gone or not sender.name.strip() else sender.name


def _content() -> NewContent:
    name, email = from_address()
    return NewContent(
        from_email=email,
        from_name=name,
        subject=_SUBJECT,
        text=_TEXT,
        html=_HTML,
        reply_to=(("", f"{{{{thread}}}}@{settings.INBOUND_HOST}"),),
        headers=FLAG_HEADERS,
    )


def _mail(attempt: DeliveryAttempt, variables: dict[str, object]) -> NewMail:
    assert attempt.contact is not None
    return NewMail(
        email=mailboxes.normal(attempt.contact.value),
        name=attempt.recipient.person.name,
        variables=variables,
        attempt_id=attempt.pk,
    )


def _variables(attempt: DeliveryAttempt, firsts: _Firsts, now: datetime) -> dict[str, object]:
    message = attempt.recipient.message
    shown = {
        "sender": shown_name(message.sender, now=now),
        "subject": message.subject,
        "text": message.message[:MOST_SHOWN],
        "cut": len(message.message) > MOST_SHOWN,
    }
    return {
        "person": attempt.recipient.person.name or "reader",
        "messages": [shown],
        "count": 1,
        "first_to_person": firsts.person[attempt.recipient.person_id] == attempt.pk,
        "first_to_address": firsts.contact[attempt.contact_id or 0] == attempt.pk,
        "thread": thread_local_part(attempt.recipient_id),
        "flag_url": flag_url(attempt.pk),
        "login_url": settings.HANDOFF_LOGIN_URL,
    }


def _firsts(attempts: Sequence[DeliveryAttempt]) -> _Firsts:
    people = {attempt.recipient.person_id for attempt in attempts}
    contacts = {attempt.contact_id for attempt in attempts}
    earlier = DeliveryAttempt.objects.order_by()
    return _Firsts(
        dict(
            earlier.filter(recipient__person__in=people)
            .values_list("recipient__person_id")
            .annotate(Min("id"))
        ),
        dict(earlier.filter(contact__in=contacts).values_list("contact_id").annotate(Min("id"))),
    )


def without_sender(variables: dict[str, Any]) -> dict[str, Any]:
    """The variables of a mail of ours with a neutral name for each sender."""
    shown = variables.get("messages", [])
    return {**variables, "messages": [{**message, "sender": NEUTRAL_NAME} for message in shown]}
