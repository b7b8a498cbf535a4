"""How good the message of a spooler is (contract §15)."""

from __future__ import annotations

from dataclasses import asdict

from django.http import HttpResponse
from rest_framework.request import Request

from spooling.campaigns import scores
from spooling.wires.octosend import wire


class MessageView(wire.WireView):
    """`scoring/spooler/{t}/message`. 0 is the worst score, 100 the best; without a message it is 0, and blocked."""

    scopes = wire.READS

    def post(self, request: Request, token: str) -> HttpResponse:
        spooler = self.spooler(token)
        self.parameters()
        return wire.answer(asdict(scores.of_spooler(spooler)))

    get = post
