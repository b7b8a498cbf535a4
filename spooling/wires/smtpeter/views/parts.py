"""What is kept of a mail: `html`, `text`, `headers`, `recipient`, `envelope`, `attachments`, `embeds` (contract §5.2,
§5.3, §6.1)
"""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from earwig import media_types
from earwig.web import customer_content
from spooling import received
from spooling.delivery import letters
from spooling.models import Mail
from spooling.outbox import contents
from spooling.received import File, Received
from spooling.wires.smtpeter import errors, wire

ATTACHMENTS, EMBEDS = "attachments", "embeds"
_FOLD = re.compile(rb"\r\n(?=[ \t])")


class PartView(wire.WireView):
    """Something of one mail."""

    scopes = wire.READS
    http_method_names = ["get", "head"]

    def message(self, message_id: str) -> bytes:
        """The mail as it went out, or will. Raises NoSuchMessage, also for one that was erased."""
        return _made(self.mail(message_id))


class HtmlView(PartView):
    """With its tracked links."""

    def get(self, request: Request, message_id: str) -> HttpResponse:
        return _text(received.read(self.message(message_id)).html)


class TextView(PartView):
    def get(self, request: Request, message_id: str) -> HttpResponse:
        return _text(received.read(self.message(message_id)).text)


class HeadersView(PartView):
    """One field a line: a client takes those that are folded with blanks for others (quirk 15)."""

    def get(self, request: Request, message_id: str) -> HttpResponse:
        header, _, _ = self.message(message_id).partition(b"\r\n\r\n")
        return wire.text(_FOLD.sub(b"", header).decode("utf-8", "replace") + "\r\n")


class RecipientView(PartView):
    def get(self, request: Request, message_id: str) -> HttpResponse:
        mail = self.mail(message_id)
        if not mail.email:
            raise errors.NoSuchMessage
        return wire.text(mail.email)


class EnvelopeView(PartView):
    """The envelope sender that the client gave; empty without one (quirk 14)."""

    def get(self, request: Request, message_id: str) -> HttpResponse:
        return wire.text(contents.of_row(self.mail(message_id).content).handling.envelope_sender)


class FilesView(PartView):
    """What came with the mail, or stands in it."""

    def get(self, request: Request, message_id: str, kind: str) -> HttpResponse:
        files = _files(received.read(self.message(message_id)), kind)
        return wire.answer([_shown(number, file, kind) for number, file in enumerate(files)])


class FileView(PartView):
    """One of these files, by its number or its name."""

    def get(self, request: Request, message_id: str, kind: str, which: str) -> HttpResponse:
        file = _chosen(_files(received.read(self.message(message_id)), kind), which)
        response = customer_content.file(file.data, name=file.name, type_=file.type)
        if media_types.is_bare(file.type):
            # Under its own type it is as harmless: it is saved, or shown without any right.
            response["Content-Type"] = file.type
        return response


def _made(mail: Mail) -> bytes:
    data = letters.shown(mail)
    if not data:
        raise errors.NoSuchMessage
    return data


def _text(body: str) -> HttpResponse:
    """A client takes an empty body for an error; what has none says so (quirk 14)."""
    return wire.text(body) if body else wire.nothing()


def _files(message: Received, kind: str) -> list[File]:
    return [file for file in message.files if bool(file.content_id) == (kind == EMBEDS)]


def _shown(number: int, file: File, kind: str) -> dict[str, Any]:
    shown = {"number": number, "name": file.name, "type": file.type, "size": len(file.data)}
    return shown | {"cid": file.content_id} if kind == EMBEDS else shown


def _chosen(files: list[File], which: str) -> File:
    """Digits are a number from 0, whatever the files are called (quirk 13). Raises NotFound."""
    if which.isascii() and which.isdecimal():
        number = int(which) if len(which) < 6 else len(files)
        found = files[number : number + 1]
    else:
        found = [file for file in files if file.name == which][:1]
    if not found:
        raise errors.NotFound("There is no such file.")
    return found[0]
