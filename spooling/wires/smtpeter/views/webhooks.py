"""`webhooks` and `webhook`: URLs that are told what happens (contract §6.4). `feedbackloop` is their older name."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from spooling.webhooks import proofs, smtpeter_payloads
from spooling.webhooks.smtpeter_payloads import ENCODING, KINDS, TYPE, Encoding
from spooling.wires.smtpeter import errors, wire
from stats import webhooks
from stats.models import Webhook, WebhookFormat
from stats.webhooks import PROOF, Wanted


class WebhooksView(wire.WireView):
    """All of this wire's kind."""

    http_method_names = ["get", "head"]

    def get(self, request: Request) -> HttpResponse:
        rows = _of(self.account_id).order_by("id")
        return wire.answer([_shown(webhook) for webhook in rows])


class WebhookView(wire.WireView):
    """It is told nothing before the file that the answer names is readable beside its URL, or at its host's root."""

    http_method_names = ["post"]

    @transaction.atomic
    def post(self, request: Request) -> HttpResponse:
        properties = self.properties()
        type_ = properties.text("type").strip().lower()
        if type_ not in KINDS:
            raise properties.invalid("type", f"One of {', '.join(KINDS)}.")
        encoding = properties.text("encoding").strip().lower() or Encoding.JSON
        if encoding not in Encoding.values:
            raise properties.invalid("encoding", f"One of {', '.join(Encoding.values)}.")
        wanted = Wanted(
            url=properties.text("url").strip(),
            kinds=smtpeter_payloads.KINDS[type_],
            format=WebhookFormat.SMTPETER,
            settings={TYPE: type_, ENCODING: str(encoding), PROOF: proofs.new()},
        )
        webhook, _ = webhooks.create(self.account_id, wanted, now=timezone.now())
        self.note("add", webhook)
        return wire.answer(_shown(webhook), status=HTTPStatus.CREATED)


class OneWebhookView(wire.WireView):
    """By its id."""

    http_method_names = ["get", "head", "delete"]

    def get(self, request: Request, token: str) -> HttpResponse:
        return wire.answer(_shown(self._webhook(token)))

    @transaction.atomic
    def delete(self, request: Request, token: str) -> HttpResponse:
        webhook = self._webhook(token)
        self.note("delete", webhook)
        webhook.delete()
        return wire.answer({"id": token})

    def _webhook(self, token: str) -> Webhook:
        found: Webhook | None = None if "\0" in token else _of(self.account_id).filter(token=token).first()
        if found is None:
            raise errors.NotFound("There is no such webhook.")
        return found


def _of(account_id: int) -> Any:
    return Webhook.objects.filter(account_id=account_id, format=WebhookFormat.SMTPETER)


def _shown(webhook: Webhook) -> dict[str, Any]:
    proof = webhook.settings.get(PROOF, {})
    return {
        "id": webhook.token,
        "type": webhook.settings.get(TYPE, ""),
        "url": webhook.url,
        "verified": webhook.verified_at is not None,
        "file": proof.get("file", ""),
        "content": proof.get("content", ""),
    }
