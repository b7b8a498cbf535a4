"""`domain/{d}/transactional/send-mail` (contract §17)"""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig import errors as earwig_errors
from earwig import mailboxes
from earwig.models import Domain
from spooling import errors as spooling_errors
from spooling import spoolers
from spooling.campaigns import compositions, displays, resources
from spooling.models.spoolers import Lane
from spooling.outbox import intake
from spooling.outbox.drafts import NewContent, NewMail, NewSend, NewSubmission
from spooling.wires.octosend import entries, wire
from spooling.wires.octosend.inputs import Parameters


class SendMailView(wire.WireView):
    """Queues one mail, which belongs to no spooler that a client sees."""

    scopes = wire.SENDS

    def post(self, request: Request, name: str) -> HttpResponse:
        domain, parameters = self.domain(name), self.parameters()
        parameters.require("fromEmail", "toEmail", "subject", "parts")
        content, mail = _content(parameters), _mail(parameters)
        self.require_authors(lambda: [content.from_email])
        send = NewSend(
            content=content,
            mails=(mail,),
            lane=Lane.TRANSACTIONAL,
            spooler_id=_spooler_id(parameters, domain),
            domain_id=domain.pk,
        )
        submission = NewSubmission(
            account_id=self.account_id, wire=wire.NAME, api_key_id=self.credential.key_id
        )
        (accepted,) = intake.accept(submission, [send], now=timezone.now())
        return wire.answer({"id": accepted.hex, "email": accepted.email, "status": "queued"})


def _spooler_id(parameters: Parameters, domain: Domain) -> int | None:
    """A draft's hidden spooler; None for other mail: the account's standing stream. Raises InvalidField."""
    draft = parameters.flag("draft", False)
    return spoolers.of_drafts(domain.account_id, domain.pk).pk if draft else None


def _content(parameters: Parameters) -> NewContent:
    """Its author may be anybody: the domain signs, and gets the bounces. Raises InvalidField, FieldsRefused."""
    parts = _parts(parameters)
    content = NewContent(
        from_email=_address(parameters, "fromEmail"),
        from_name=_name(parameters, "fromName"),
        subject=displays.one_line(parameters.text("subject")),
        text=parts.get("text/plain", ""),
        html=parts.get("text/html", ""),
        template_language=compositions.LANGUAGE,
        tracked=bool(parameters.flag("tracking", True)),
    )
    if flaws := compositions.unrenderable(content):
        raise spooling_errors.FieldsRefused(fields=flaws)
    return content


def _parts(parameters: Parameters) -> dict[str, str]:
    """What is said by type; the last of a type counts. Raises InvalidField, MissingField, FieldsRefused."""
    parts: dict[str, str] = {}
    for part in parameters.objects("parts"):
        part.require("type", "content")
        parts[resources.body_type(part.text("type"), path=part.path("type"))] = part.text("content")
    if not any(parts.values()):
        raise parameters.invalid("parts", "At least one is expected.")
    return parts


def _mail(parameters: Parameters) -> NewMail:
    return NewMail(
        _address(parameters, "toEmail"), _name(parameters, "toName"), tags=entries.tags(parameters)
    )


def _address(parameters: Parameters, field: str) -> str:
    try:
        return mailboxes.normal(parameters.text(field).strip())
    except earwig_errors.InvalidAddress as error:
        raise parameters.invalid(field, error.message) from None


def _name(parameters: Parameters, field: str) -> str:
    try:
        return mailboxes.checked_name(displays.one_line(parameters.text(field)))
    except earwig_errors.InvalidAddress as error:
        raise parameters.invalid(field, error.message) from None
