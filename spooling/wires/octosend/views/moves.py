"""`spooler/{t}/ready`, `pause`, `resume`, `finish` and `cancel`"""

from __future__ import annotations

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from spooling.campaigns import authors, launches, transitions
from spooling.campaigns.transitions import Transition
from spooling.models import Spooler
from spooling.wires.octosend import wire
from spooling.wires.octosend.views.spoolers import representation


def _is_launched(spooler: Spooler) -> bool:
    """A paused one shows as ready to start (quirk 12)."""
    return transitions.is_going(spooler) or transitions.is_paused(spooler)


MOVES = transitions.ALL | {"ready": Transition(verb=launches.launch, reached=_is_launched)}


class MoveView(wire.WireView):
    """One step of a spooler's life (quirk 13); the body says nothing, but must be readable."""

    def post(self, request: Request, token: str, move: str) -> HttpResponse:
        spooler = self.spooler(token)
        self.parameters()
        if move == "ready":
            self.require_authors(lambda: authors.at_launch(spooler))
        with transaction.atomic():
            if MOVES[move].make(spooler, now=timezone.now()):
                self.note(f"spooler.{move}", spooler)
        return representation(spooler)
