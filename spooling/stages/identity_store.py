"""The remote store that knows addresses of identities, where the installation has one (Seed contract §5.4)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.conf import settings

from spooling.stages import web_calls
from spooling.stages.web_calls import Service


def address(identity: str) -> str | None:
    """The default e-mail address of an identity, or of whom it is communicated through; None: it has none.

    Raises CallFailed. An identity that the store does not know has no address.
    """
    service = Service(url=settings.IDENTITY_STORE_URL, token=settings.IDENTITY_STORE_TOKEN)
    path = f"/identities/{quote(identity, safe='')}/addresses/email"
    try:
        answer = web_calls.get(service, f"{path}?default=True&use_communicate_through=True")
    except web_calls.CallFailed as failed:
        if failed.metric == "http_error.404":
            return None
        raise
    return _first(answer)


def _first(answer: Any) -> str | None:
    results = answer.get("results") if isinstance(answer, dict) else None
    first = results[0] if isinstance(results, list) and results else None
    found = first.get("address") if isinstance(first, dict) else None
    return found if isinstance(found, str) else None
