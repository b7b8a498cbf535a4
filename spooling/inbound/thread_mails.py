"""The mails that pass replies on, and that answer whoever cannot reply (handoff contract §9.2, §9.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from earwig import domains
from earwig.messages import replies
from earwig.models import DeliveryAttempt, MessageRecipient
from spooling import attempts_mail, erasure
from spooling.models import Mail
from spooling.outbox import intake
from spooling.outbox.drafts import UNANSWERABLE, USUAL, Handling, NewContent, NewMail, NewSend, NewSubmission

NAMELESS_RECIPIENT = "The recipient"

_SUBJECT = "{{author}} wrote: {{subject}}"
_TEXT = """\
{{author}} wrote to you:

{{subject}}

{{text}}
{{#files}}

[Files were left out.]
{{/files}}

Answer this mail to write back; neither of you sees the other's address.
{{#flag_url}}

Stop these mails, or tell us that something is wrong: {{flag_url}}
{{/flag_url}}
"""
_HTML = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{{author}} wrote to you</title></head>
<body style="font-family: sans-serif; line-height: 1.5; max-width: 40em">
<p><strong>{{author}}</strong> wrote to you:</p>
<blockquote style="margin: 0; padding-left: 1em; border-left: 3px solid #ccc">
<p><strong>{{subject}}</strong></p>
<div style="white-space: pre-wrap">{{text}}</div>
</blockquote>
{{#files}}
<p>[Files were left out.]</p>
{{/files}}
<p>Answer this mail to write back; neither of you sees the other's address.</p>
{{#flag_url}}
<p><a href="{{flag_url}}">Stop these mails, or tell us that something is wrong</a></p>
{{/flag_url}}
</body>
</html>
"""
_NOT_MONITORED = """\
Nobody reads mail to this address.

This service hands messages from people to those who represent them. To write to somebody, answer the mail of ours that
told you of them: it has an address of its own for that.

More of this service: {{login_url}}
"""
_NOT_YOURS = """\
Your mail could not be delivered.

The conversation that you wrote to knows two people by their addresses, and yours is none of them. Write from the address
that you registered, or that the message was sent to.

More of this service: {{login_url}}
"""
_BY_A_PROGRAM = (("Auto-Submitted", "auto-replied"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Told to an author whose mail goes nowhere."""

    name: str
    subject: str
    text: str


NOT_MONITORED = Answer(name="not_monitored", subject="Nobody reads this address", text=_NOT_MONITORED)
NOT_YOURS = Answer(name="not_yours", subject="Your mail could not be delivered", text=_NOT_YOURS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A reply on its way to the other party; `had_files`: some were left out."""

    row: MessageRecipient
    draft: replies.Draft
    to: str
    had_files: bool


def pass_on(passed: Passed, *, now: datetime) -> None:
    """Spool the reply to the other party, who sees neither address. Raises LimitReached and DomainNotAllowed."""
    row = passed.row
    reference = attempts_mail.thread_reference(row.pk)
    content = _content(
        _SUBJECT,
        _TEXT,
        html=_HTML,
        reply_to=f"{attempts_mail.thread_local_part(row.pk)}@{settings.INBOUND_HOST}",
        headers=_references(row, passed.to, reference) + _flag_headers(passed),
    )
    mail = NewMail(email=passed.to, name=_name_of_other(passed, now), variables=_variables(passed, now))
    _spool(row.message.account_id, content, mail, reference=reference, now=now)


def answer(account_id: int, said: Answer, *, to: str, now: datetime) -> None:
    """Spool an answer to an author. Raises LimitReached and DomainNotAllowed."""
    content = _content(said.subject, said.text, headers=_BY_A_PROGRAM, handling=UNANSWERABLE)
    mail = NewMail(email=to, variables={"login_url": settings.HANDOFF_LOGIN_URL})
    _spool(account_id, content, mail, reference="", now=now)


def _spool(account_id: int, content: NewContent, mail: NewMail, *, reference: str, now: datetime) -> None:
    domain_id = domains.sending_domain(account_id, content.from_email)
    submission = NewSubmission(
        account_id=account_id, wire=attempts_mail.WIRE, client_reference=reference, bounded=False
    )
    intake.accept(submission, [NewSend(content=content, mails=(mail,), domain_id=domain_id)], now=now)


def _content(
    subject: str,
    text: str,
    *,
    html: str = "",
    reply_to: str = "",
    headers: tuple[tuple[str, str], ...] = (),
    handling: Handling = USUAL,
) -> NewContent:
    name, email = attempts_mail.from_address()
    return NewContent(
        from_email=email,
        from_name=name,
        subject=subject,
        text=text,
        html=html,
        reply_to=(("", reply_to),) if reply_to else (),
        headers=headers,
        tracked=False,
        handling=handling,
    )


def _variables(passed: Passed, now: datetime) -> dict[str, object]:
    row, draft = passed.row, passed.draft
    sender = row.message.sender
    # What either wrote may quote the addresses that its mail program knows.
    hidden = erasure.of_addresses(replies.addresses_of(row))
    by_sender = attempts_mail.shown_name(sender, now=now)
    return {
        "author": by_sender if draft.from_sender else row.person.name or NAMELESS_RECIPIENT,
        "subject": hidden.text(draft.subject),
        "text": hidden.text(draft.body[: attempts_mail.MOST_SHOWN]),
        "files": passed.had_files,
        "flag_url": _flag_url(row) if draft.from_sender else "",
    }


def _flag_headers(passed: Passed) -> tuple[tuple[str, str], ...]:
    """The recipient can stop these mails; the sender began them."""
    return attempts_mail.FLAG_HEADERS if passed.draft.from_sender else ()


def _flag_url(row: MessageRecipient) -> str:
    latest = (
        DeliveryAttempt.objects.filter(recipient=row).order_by("-pk").values_list("pk", flat=True).first()
    )
    return attempts_mail.flag_url(latest) if latest else ""


def _name_of_other(passed: Passed, now: datetime) -> str:
    row = passed.row
    if passed.draft.from_sender:
        return row.person.name
    return row.message.sender.name


def _references(row: MessageRecipient, to: str, reference: str) -> tuple[tuple[str, str], ...]:
    """To the latest mail of the thread that the other party has (RFC 5322 §3.6.4)."""
    mails = Mail.objects.filter(account=row.message.account_id, email=to).select_related("content")
    of_thread = mails.filter(submission__client_reference=reference, submission__wire=attempts_mail.WIRE)
    of_attempts = mails.filter(attempt__recipient=row)
    latest = of_thread.order_by("-pk").first() or of_attempts.order_by("-pk").first()
    if latest is None or not latest.content.from_email:
        return ()
    message_id = f"<{latest.public_id.hex}@{latest.content.from_email.rpartition('@')[2]}>"
    return (("In-Reply-To", message_id), ("References", message_id))
