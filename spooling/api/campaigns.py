"""`/api/v1/spoolers/{token}/`: what a campaign says, and the moves of its life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from earwig import domains
from earwig.errors import DomainNotAllowed, SenderDomainNotAllowed
from earwig.web.errors import Problem, Rejected
from spooling import errors
from spooling.api import campaign_inputs, campaign_outputs, examples
from spooling.api.spoolers import SpoolerView
from spooling.campaigns import authors, messages, transitions
from spooling.models import Spooler
from spooling.outbox.drafts import NewContent

Handler = TypeVar("Handler", bound=Callable[..., Any])


def _documented(summary: str, description: str) -> Callable[[Handler], Handler]:
    told = f"{description} Repeating it is 200 and changes nothing; what the state does not allow is 409."
    answer = campaign_outputs.CampaignOutput
    documented: Callable[[Handler], Handler] = extend_schema(
        summary=summary, description=told, request=None, responses=answer
    )
    return documented


class CampaignMoveView(SpoolerView):
    """Moves of a spooler."""

    repeatable = tuple(transitions.ALL)
    serializer_class = campaign_outputs.CampaignOutput

    @_documented(
        "Launch a campaign", "It sends from `start_at` on what it says now; nobody changes that any more."
    )
    def ready(self, request: Request, token: str) -> HttpResponse:
        return self._make("ready")

    @_documented("Pause a spooler", "Nothing more of it leaves; workers notice within a second.")
    def pause(self, request: Request, token: str) -> HttpResponse:
        return self._make("pause")

    @_documented("Resume a spooler", "What is due leaves at once; what its brake counts begins anew.")
    def resume(self, request: Request, token: str) -> HttpResponse:
        return self._make("resume")

    @_documented("Cancel a campaign", "Whatever has not left never will.")
    def cancel(self, request: Request, token: str) -> HttpResponse:
        return self._make("cancel")

    @_documented("Finish a campaign", "It takes no more recipients; what waits still leaves.")
    def finish(self, request: Request, token: str) -> HttpResponse:
        return self._make("finish")

    def _make(self, name: str) -> HttpResponse:
        return self.once(lambda: self._move(name))

    @transaction.atomic
    def _move(self, name: str) -> tuple[int, Any]:
        spooler = self.get_object()
        with campaign_inputs.named_fields():
            if transitions.ALL[name].make(spooler, now=timezone.now()):
                self.note(f"spooler.{name}", spooler)
        return 200, self.shown(spooler)


class CampaignMessageView(SpoolerView):
    """What the mails of a campaign say that say nothing themselves."""

    serializer_class = campaign_outputs.MessageOutput

    @extend_schema(
        summary="Show what a campaign says",
        description="With its own headers and variables.",
        responses=campaign_outputs.MessageOutput,
    )
    def retrieve(self, request: Request, token: str) -> Response:
        with campaign_inputs.named_fields():
            return Response(campaign_outputs.message_of(messages.compose(self.get_object())))

    @extend_schema(
        summary="Set what a campaign says",
        description="All of it; what is left out is taken from `template`, where one is named. 409 once it was ready.",
        request=examples.MESSAGE,
        responses=campaign_outputs.MessageOutput,
    )
    @transaction.atomic
    def update(self, request: Request, token: str) -> Response:
        spooler = self.get_object()
        content = campaign_inputs.message(request.data, spooler.account_id)
        self._settle_domain(spooler, content)
        with campaign_inputs.named_fields():
            messages.write(spooler, content, now=timezone.now())
            self.note("spooler.message", spooler, fields=request.data)
            return Response(campaign_outputs.message_of(messages.compose(spooler)))

    def _settle_domain(self, spooler: Spooler, content: NewContent) -> None:
        """Sign as the author's domain. Raises Rejected for one that the key or the campaign may not use."""
        try:
            self.credential.require_author(content.from_email)
            domain_id = domains.sending_domain(spooler.account_id, content.from_email)
            authors.sign(spooler, domain_id=domain_id)
        except (DomainNotAllowed, SenderDomainNotAllowed, errors.DomainConflict) as error:
            raise Rejected([Problem(None, "from", error.code, error.message)]) from None
