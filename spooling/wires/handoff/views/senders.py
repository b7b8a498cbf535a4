"""`/sender/`"""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig import senders
from earwig.models import Account
from earwig.models.api_keys import Scope
from spooling.wires.handoff import inputs, outputs, wire
from spooling.wires.handoff.errors import MissingParameter


class SenderView(wire.WireView):
    """Create, refresh or revive a sender."""

    http_method_names = ["post"]

    def post(self, request: Request) -> HttpResponse:
        inputs.require(request.POST, inputs.SENDER_FIELDS)
        account = self._account(request)
        draft = inputs.sender_draft(request.POST)
        sender = senders.vouch(
            account, email=draft.email, name=draft.name, ttl_days=draft.ttl_days, now=timezone.now()
        )
        return JsonResponse(outputs.sender(sender))

    def _account(self, request: Request) -> Account:
        credential = wire.credential_of(request, Scope.SEND)
        if credential is not None:
            return Account.objects.get(pk=credential.account_id)
        if wire.policy() is wire.Keys.ALL:
            raise MissingParameter("key")
        return wire.default_account()
