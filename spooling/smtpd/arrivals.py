"""Mail from outside: only what comes to an address of ours. `spooling.inbound` knows what becomes of it."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import Error, connection

from earwig import addresses
from earwig.errors import EarwigError
from spooling import inbound
from spooling.inbound import destinations
from spooling.smtpd import replies

UNKNOWN = "550 5.1.1 Nobody is called so here"
NO_RELAY = "550 5.7.1 Mail to others is taken from those who log in"

log = logging.getLogger(__name__)


def refusal(recipient: str) -> str:
    """Why mail to the address is not taken from strangers; empty where it is."""
    if inbound.known(recipient):
        return ""
    return UNKNOWN if destinations.is_ours(addresses.domain_of(recipient)) else NO_RELAY


def take(*, sender: str, recipient: str, raw: bytes, now: datetime) -> str:
    """Hand it over; the reply. Handed over once more, it changes nothing."""
    try:
        inbound.take(sender=sender, recipient=recipient, raw=raw, now=now)
    except (EarwigError, Error) as error:
        log.warning("Mail from outside was not taken.", extra={"error": type(error).__name__})
        if isinstance(error, Error):
            connection.close()
        return replies.NOT_STORED
    return replies.OK
