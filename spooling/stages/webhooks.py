"""The channel that is no mail: posts a message to the account's webhook as the original did (Seed contract §5.4)."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q

from earwig import sealing
from earwig.errors import Unsealable
from spooling.models import Router
from spooling.models.message_sets import ContentType
from spooling.models.routers import RouterKind
from spooling.stages import web_calls, wordings
from spooling.stages.planning import Letter
from spooling.stages.web_calls import Service


def of_account(account_id: int) -> Service | None:
    """The account's own webhook, else the installation's; None: there is none, or its token cannot be read."""
    webhooks = Router.objects.filter(
        Q(account=account_id) | Q(account=None), kind=RouterKind.WEBHOOK, disabled=False
    ).exclude(url="")
    router = webhooks.order_by(F("account").asc(nulls_last=True), "-default", "pk").first()
    if router is None:
        return None
    try:
        token = sealing.unseal(router.password_sealed) if router.password_sealed else ""
    except Unsealable:
        return None
    return Service(url=router.url.rstrip("/"), token=token)


def payload(letter: Letter, *, resend: bool) -> dict[str, Any]:
    """The document of one message. Raises Unusable."""
    message, message_set = letter.message, letter.message_set
    prepend = None if resend else wordings.prepend_of(letter.subscription)
    document: dict[str, Any] = {
        "to_addr": letter.recipient.email,
        "to_identity": letter.subscription.identity,
        "delivered": "false",
        "resend": "true" if resend else "false",
        "channel": message_set.channel,
        "metadata": dict(message.metadata),
    }
    if message_set.content_type == ContentType.AUDIO:
        document["metadata"]["voice_speech_url"] = wordings.speech(message, prepend)
        return document
    document["content"] = wordings.text_of(message, prepend)
    if url := wordings.media_url(message):
        document["metadata"]["image_url"] = url
    return document


def post(service: Service, document: dict[str, Any]) -> str:
    """Hand a message over; the id that the other side gave it, empty where it gave none. Raises CallFailed."""
    answer = web_calls.post(service, "/outbound/", document)
    given = answer.get("id") if isinstance(answer, dict) else None
    return str(given)[:100] if given is not None else ""
