"""What a field of a complete message says, however it was written. Pure."""

from __future__ import annotations

import email.utils

from spooling import received
from spooling.delivery import headers
from spooling.delivery.headers import Address
from spooling.delivery.structure import Field


def text_of(field: Field) -> str:
    """What the field says, its encoded words read."""
    return received.decoded(characters(field.value))


def addresses(field: Field) -> list[Address]:
    """The mailboxes of the field, names decoded; what is none is passed over."""
    return mailboxes(characters(field.value))


def characters(value: bytes) -> str:
    """As UTF-8 (RFC 6532), else as what such octets were before."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")


def mailboxes(value: str) -> list[Address]:
    """The mailboxes of a field, groups opened; what is none is passed over. Names are decoded."""
    try:
        pairs = email.utils.getaddresses([value])
    except RecursionError:
        # Comments inside comments.
        return []
    return [
        Address(received.decoded(name), received.printable(address))
        for name, address in pairs
        if "@" in address and len(address) <= headers.EMAIL_LIMIT
    ]
