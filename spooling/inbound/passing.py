"""Passes reports on a mail on to the envelope sender that its client gave."""

from __future__ import annotations

import dataclasses
import logging
from datetime import datetime

from django.conf import settings
from django.db import transaction

from spooling import raw_messages
from spooling.errors import LimitReached, MessageUnusable
from spooling.inbound import wishes
from spooling.inbound.dsn import Action
from spooling.models import Content, IncomingMail, Mail
from spooling.outbox import contents, intake
from spooling.outbox.drafts import UNANSWERABLE, NewContent, NewFile, NewMail, NewSend, NewSubmission

WIRE = "inbound"
#: Reports on one mail that are passed on: its recipient, who knows its return path, could write any number of them.
MOST_PASSED = 10
#: Whose name reports bear.
AUTHOR = "Mail Delivery System"
SUBJECTS = {
    Action.FAILED: "Undelivered mail returned",
    Action.DELAYED: "Delayed mail",
    Action.DELIVERED: "Delivered mail",
    Action.RELAYED: "Relayed mail",
    Action.EXPANDED: "Expanded mail",
}
_TEXT = "A mail server reported on a mail of yours. Its report is attached.\n"

log = logging.getLogger(__name__)


def pass_on(mail: Mail, action: Action, report: bytes, *, now: datetime) -> None:
    """Send the report on as it is, with a null return path, to whom the mail's client named; nothing where it named
    nobody, does not want to hear of such, or heard often enough.

    Nothing of ours is signed: whoever got the mail can have written the report.
    """
    content = Content.objects.filter(pk=mail.content_id).only("handling").first()
    if content is None or not (to := _listener(content, action)):
        return
    if IncomingMail.objects.filter(mail_id=mail.pk).count() >= MOST_PASSED:
        log.info("A report was one too many on its mail to be passed on.")
        return
    try:
        with transaction.atomic():
            _send(mail, to, _passed(action, report), now)
    except LimitReached as error:
        log.info("A report was not passed on.", extra={"error": type(error).__name__})


def postmaster() -> str:
    """Whose address reports come from."""
    return f"postmaster@{settings.INBOUND_HOST}"


def _listener(content: Content, action: Action) -> str:
    """Who is told of it; empty: nobody, or whom the server's report goes to by itself."""
    handling = contents.handling_of(content)
    return wishes.listener(handling, action) if handling.track_bounces else ""


def _passed(action: Action, report: bytes) -> NewContent:
    try:
        passed = raw_messages.read(report)
    except MessageUnusable:
        passed = NewContent(
            from_email=postmaster(),
            from_name=AUTHOR,
            subject=SUBJECTS[action],
            text=_TEXT,
            files=(NewFile(name="report.eml", type="application/octet-stream", data=report),),
            headers=(("Auto-Submitted", "auto-replied"),),
            template_language="plain",
        )
    return dataclasses.replace(passed, tracked=False, handling=UNANSWERABLE)


def _send(mail: Mail, to: str, content: NewContent, now: datetime) -> None:
    send = NewSend(content=content, mails=(NewMail(email=to),))
    intake.accept(NewSubmission(account_id=mail.account_id, wire=WIRE), [send], now=now)
