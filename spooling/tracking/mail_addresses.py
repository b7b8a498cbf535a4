"""The address at which a mail unsubscribes its sender, as `List-Unsubscribe` names it (RFC 2369 §3.2)."""

from __future__ import annotations

import binascii
import re

from django.conf import settings

from spooling import errors
from spooling.tracking import tokens

_LOCAL = re.compile(r"unsubscribe\+([0-9a-f]{42})", re.IGNORECASE)


def host() -> str:
    """Where mail unsubscribes; empty where only links do."""
    return settings.INBOUND_HOST if settings.UNSUBSCRIBE_BY_MAIL else ""


def of_link(url: str, host: str) -> str:
    """The address that does what the unsubscription link does, which ends in a signed token.

    In hex: mail programs change the letter case of addresses.
    """
    token = url[-tokens.SIGNED_CHARACTERS :].replace("-", "+").replace("_", "/")
    return f"unsubscribe+{binascii.a2b_base64(token).hex()}@{host}"


def token_of(local: str) -> tokens.Token:
    """The token of an address's local part, in any letter case. Raises LinkUnknown."""
    found = _LOCAL.fullmatch(local)
    if found is None:
        raise errors.LinkUnknown
    text = binascii.b2a_base64(bytes.fromhex(found[1]), newline=False).decode()
    return tokens.read(text.replace("+", "-").replace("/", "_"), b"u")


def mail_of(local: str) -> int:
    """The id of the mail whose recipient the address unsubscribes. Raises LinkUnknown."""
    return token_of(local).mail_id
