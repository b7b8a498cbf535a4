"""Events as the native API and native webhooks show them: one object an event, with public ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spooling.models import Mail, Spooler
from stats.models import Event


def names(listed: Sequence[Event]) -> dict[str, dict[int, str]]:
    """The public names of the `mails` and `spoolers` that events speak of."""
    mails = Mail.objects.filter(pk__in={event.mail_id for event in listed}).values_list("id", "public_id")
    spoolers = Spooler.objects.filter(pk__in={event.spooler_id for event in listed})
    return {
        "mails": {number: public_id.hex for number, public_id in mails},
        "spoolers": dict(spoolers.values_list("id", "token")),
    }


def present(listed: Sequence[Event]) -> list[dict[str, Any]]:
    """In their order; two queries."""
    known = names(listed)
    return [
        {
            "id": event.pk,
            "kind": event.kind,
            "at": event.at.isoformat().replace("+00:00", "Z"),
            "mail": known["mails"].get(event.mail_id, ""),
            "spooler": known["spoolers"].get(event.spooler_id, ""),
            "destination": event.destination,
            "provider": event.provider,
            "router": event.router,
            "detail": event.detail,
        }
        for event in listed
    ]
