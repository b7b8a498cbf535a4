"""`spooler/{t}/resources/<kind>` and `mails/resources/<kind>` (contract §9)"""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from spooling.campaigns import resources
from spooling.wires.octosend import wire


class MessageResourceView(wire.WireView):
    """Keeps a content for the spooler's message; answers its token."""

    for_mails: ClassVar[bool] = False

    def post(self, request: Request, token: str, kind: str) -> HttpResponse:
        spooler, parameters = self.spooler(token), self.parameters()
        parameters.require("type", "content")
        given = resources.Upload(
            kind=kind,
            type=parameters.text("type"),
            content=parameters.text("content"),
            filename=parameters.text("filename"),
            for_mails=self.for_mails,
        )
        return wire.answer(resources.upload(spooler, given, now=timezone.now()).token)


class MailResourceView(MessageResourceView):
    """Keeps a content for single mails."""

    scopes = wire.SENDS
    for_mails = True
