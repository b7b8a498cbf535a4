"""`spooler/{t}/spool`, `draft` and `preview` (contract §10)"""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from spooling.campaigns import authors, drafts, filling, previews
from spooling.campaigns.filling import Entry
from spooling.campaigns.previews import Preview
from spooling.models import Spooler
from spooling.wires.octosend import entries, outputs, wire

#: Mails that one call shows.
MOST_PREVIEWS = 100


def representation(spooler: Spooler, mails: list[dict[str, object]]) -> HttpResponse:
    """The spooler, and what became of each mail."""
    return wire.answer(outputs.spooler(spooler, now=timezone.now()) | {"mails": mails})


class RecipientsView(wire.WireView):
    """Mails of a spooler."""

    scopes = wire.SENDS

    def entries(self, spooler: Spooler) -> list[Entry]:
        """Of the body. Raises MissingField, InvalidField, FieldsRefused, SenderDomainNotAllowed."""
        given = entries.read(self.parameters())
        own = (entry.override for entry in given if entry.override is not None)
        self.require_authors(lambda: authors.of(spooler) | authors.of_messages(spooler, own))
        return given


class SpoolView(RecipientsView):
    """Adds recipients; all of a call or none."""

    def post(self, request: Request, token: str) -> HttpResponse:
        spooler = self.spooler(token)
        given = self.entries(spooler)
        outcomes = filling.add(
            spooler, given, api_key_id=self.credential.key_id, now=timezone.now(), wire=wire.NAME
        )
        return representation(spooler, [outcome._asdict() for outcome in outcomes])


class DraftView(RecipientsView):
    """Sends the message at once to one to ten addresses."""

    def post(self, request: Request, token: str) -> HttpResponse:
        spooler = self.spooler(token)
        given = self.entries(spooler)
        mails = drafts.send(
            spooler, given, api_key_id=self.credential.key_id, now=timezone.now(), wire=wire.NAME
        )
        return representation(spooler, [{"email": mail.email, "status": "queued"} for mail in mails])


class PreviewView(wire.WireView):
    """Shows the mails of some entries, or the message without a recipient."""

    scopes = wire.READS

    def post(self, request: Request, token: str) -> HttpResponse:
        spooler, parameters, now = self.spooler(token), self.parameters(), timezone.now()
        given = entries.read(parameters) if "mails" in parameters else [None]
        if len(given) > MOST_PREVIEWS:
            raise parameters.invalid("mails", f"At most {MOST_PREVIEWS}.")
        return representation(spooler, [shown(previews.preview(spooler, entry, now=now)) for entry in given])


def shown(preview: Preview) -> dict[str, object]:
    """One previewed mail."""
    return {
        "email": preview.email,
        "sender": preview.sender,
        "recipient": preview.recipient,
        "subject": preview.subject,
        "headers": preview.headers,
        "parts": [{"type": type_, "content": content} for type_, content in preview.parts],
        "attachments": [file._asdict() for file in preview.attachments],
        "missing": list(preview.missing),
        "source": preview.source,
    }
