"""`/message/` and `/message/<mid>/`"""

from __future__ import annotations

import re

from django.db.models import QuerySet
from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig import messages
from earwig.models import Account, HandoffMessage
from earwig.models.api_keys import Scope
from spooling.wires.handoff import inputs, outputs, wire
from spooling.wires.handoff.errors import MissingParameter, NoSuchObject

_ID = re.compile(r"[0-9a-f]{32}")


class MessagesView(wire.WireView):
    """Hand over a message."""

    http_method_names = ["post"]

    def post(self, request: Request) -> HttpResponse:
        inputs.require(request.POST, inputs.MESSAGE_FIELDS)
        account = self._account(request)
        draft = inputs.message_draft(request.POST)
        message = messages.accept(account, draft, now=timezone.now())
        return JsonResponse(outputs.message(message))

    def _account(self, request: Request) -> Account:
        credential = wire.credential_of(request, Scope.SEND)
        if credential is not None:
            account = Account.objects.get(pk=credential.account_id)
        elif wire.policy() is wire.Keys.DEFAULT_APPLICATION:
            account = wire.default_account()
        else:
            raise MissingParameter("key")
        wire.require_author(account, credential)
        return account


class MessageView(wire.WireView):
    """Read a message and the statuses of its recipients."""

    http_method_names = ["get", "head"]

    def get(self, request: Request, mid: str) -> HttpResponse:
        readable = self._readable(request)
        message = readable.filter(pk=mid).first() if _ID.fullmatch(mid) else None
        if message is None:
            raise NoSuchObject
        return JsonResponse(outputs.message(message))

    def _readable(self, request: Request) -> QuerySet[HandoffMessage]:
        rows = HandoffMessage.objects.select_related("sender")
        credential = wire.credential_of(request, Scope.READ)
        if credential is not None:
            return rows.filter(account=credential.account_id)
        policy = wire.policy()
        if policy is wire.Keys.ALL:
            raise MissingParameter("key")
        return rows if policy is wire.Keys.MESSAGE_ONLY else rows.filter(account=wire.default_account())
