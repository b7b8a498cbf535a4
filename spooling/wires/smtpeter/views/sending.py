"""`send` and `resend` (contract §4, §5.1)"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig.credentials import Credential
from earwig.models.api_keys import SendAnswer
from spooling import attempts_mail
from spooling.outbox import contents, intake, public_ids
from spooling.outbox.drafts import Accepted, NewMail, NewSend, NewSubmission
from spooling.wires.smtpeter import errors, images, letters, records, wire
from spooling.wires.smtpeter.letters import Letter
from spooling.wires.smtpeter.senders import Senders

#: The answer of `send` where no ids are asked for (quirk 2).
SENT = 1


class SendView(wire.WireView):
    """Queues one mail for each recipient, or none."""

    scopes = wire.SENDS

    def post(self, request: Request) -> HttpResponse:
        now = timezone.now()
        letter = letters.read(self.properties(), account_id=self.account_id, now=now)
        accepted = accept(letter, self.credential, now=now)
        return wire.answer(_ids(letter, accepted) if _answers_ids(self.credential) else SENT)


class ResendView(wire.WireView):
    """Queues a mail once more, as it was."""

    scopes = wire.SENDS

    def post(self, request: Request) -> HttpResponse:
        mail = self.mail(self.properties().text("message"))
        content = contents.of_row(mail.content)
        # A handed-over message's writer is erased by its attempt, which a copy would not have.
        kept = mail.erased_at is None and mail.content.erased_at is None
        if not kept or mail.submission.wire == attempts_mail.WIRE:
            raise errors.NoSuchMessage
        send = NewSend(
            content_id=mail.content_id,
            mails=(NewMail(mail.email, mail.name, mail.variables, tags=tuple(mail.tags or ())),),
            domain_id=Senders(self.credential).domain_of(content),
        )
        call = mail.submission
        submission = _submission(
            self.credential, tuple(call.tags), template_id=records.template_of(call.wire, call.metadata)
        )
        (accepted,) = intake.accept(submission, [send], now=timezone.now())
        return wire.answer({public_ids.letter_first(accepted.public_id): accepted.email})


def accept(letter: Letter, credential: Credential, *, now: datetime) -> list[Accepted]:
    """Stores all mails or none. Raises DomainNotConfigured, LimitReached."""
    senders = Senders(credential)
    domain_ids = [senders.domain_of(group.content) for group in letter.groups]
    submission = _submission(credential, letter.options.tags, template_id=letter.template_id)
    with transaction.atomic():
        groups = letter.groups
        if letter.options.host_images:
            host = images.Host(credential.account_id, now)
            groups = tuple(group._replace(content=host.hosted(group.content)) for group in groups)
        sends = [
            group.send(domain_id, letter.options.not_after)
            for group, domain_id in zip(groups, domain_ids, strict=True)
        ]
        return intake.accept(submission, sends, now=now)


def _submission(credential: Credential, tags: tuple[str, ...], *, template_id: int) -> NewSubmission:
    return NewSubmission(
        account_id=credential.account_id,
        wire=wire.NAME,
        api_key_id=credential.key_id,
        tags=tags,
        metadata={wire.TEMPLATE: template_id} if template_id else {},
    )


def _answers_ids(credential: Credential) -> bool:
    settings: Mapping[str, Any] = credential.wire_settings.get(wire.NAME, {})
    return bool(settings.get("send_answer") == SendAnswer.IDS)


def _ids(letter: Letter, accepted: list[Accepted]) -> dict[str, str]:
    """The id of each mail and its recipient, in the order of the call."""
    ids = {mail.email: public_ids.letter_first(mail.public_id) for mail in accepted}
    return {ids[email]: email for email in letter.emails}
