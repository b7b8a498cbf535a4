"""`spooler/{t}/message` and `message/parts` (contract §8)"""

from __future__ import annotations

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from spooling.campaigns import authors, messages
from spooling.campaigns.compositions import Message
from spooling.models import Spooler
from spooling.wires.octosend import entries, outputs, wire


def shown(message: Message) -> dict[str, object]:
    """All eight keys, none of them null."""
    return {
        "attachments": list(message.attachments),
        "headers": dict(message.headers),
        "parts": list(message.parts),
        "recipient": message.recipient,
        "sender": message.sender,
        "subject": message.subject,
        "unsubscribe": message.unsubscribe,
        "variables": dict(message.variables),
    }


def representation(spooler: Spooler) -> HttpResponse:
    """The message, and the spooler that has it: clients read either from this answer."""
    return wire.answer(shown(messages.of(spooler)) | outputs.spooler(spooler, now=timezone.now()))


class MessageView(wire.WireView):
    """What a spooler's mails say. It is replaced as a whole: what is not told is unset."""

    def get(self, request: Request, token: str) -> HttpResponse:
        return wire.answer(shown(messages.of(self.spooler(token))))

    def post(self, request: Request, token: str) -> HttpResponse:
        spooler = self.spooler(token)
        message = entries.message(self.parameters())
        self.require_authors(lambda: authors.of_messages(spooler, [message]))
        with transaction.atomic():
            messages.replace(spooler, message)
            self.note("change", spooler, fields=["message"])
        return representation(spooler)


class PartsView(wire.WireView):
    """Only its parts and attachments."""

    def post(self, request: Request, token: str) -> HttpResponse:
        spooler, parameters = self.spooler(token), self.parameters()
        parts, attachments = tuple(parameters.texts("parts")), tuple(parameters.texts("attachments"))
        with transaction.atomic():
            messages.replace_parts(spooler, parts=parts, attachments=attachments)
            self.note("change", spooler, fields=["message"])
        return representation(spooler)
