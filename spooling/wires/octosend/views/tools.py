"""`tools/…`"""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.request import Request

from spooling.wires.octosend import wire
from templates_app import text


class HtmlToTextView(wire.WireView):
    """The text that HTML shows."""

    scopes = wire.READS

    def post(self, request: Request) -> HttpResponse:
        return wire.answer(text.of_html(self.parameters().text("html", required=True)))
