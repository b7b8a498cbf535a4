"""Takes an address or a name out of a complete message that is stored. Pure."""

from __future__ import annotations

import email.utils

from spooling import raw_messages
from spooling.delivery import quoted_printable, structure, written_fields
from spooling.delivery.structure import Entity, Field
from spooling.erasure import Erasure
from spooling.errors import MessageUnusable

#: What reports tell machines of recipients (RFC 3464, RFC 6533).
_STATUSES = ("message/delivery-status", "message/global-delivery-status")


def without(raw: bytes, words: Erasure) -> bytes:
    """The stored message with these words gone from its header and its texts; the very same where they are not there.

    A signed part that holds them is emptied: it would be worth nothing. A field that cannot be written anew is dropped.
    """
    message = structure.read(raw)
    _erase(message, words)
    return message.octets()


def _erase(entity: Entity, words: Erasure) -> None:
    if entity.sealed and entity.type.startswith("multipart/"):
        if any(words.text(leaf.text()) != leaf.text() for leaf in entity.leaves()):
            entity.parts, entity.seams, entity.body = [], [], b""
        return
    entity.fields = [left for each in entity.fields if (left := _erased(each, words)) is not None]
    for part in entity.parts:
        _erase(part, words)
    if not entity.parts and entity.type.startswith("text/"):
        _erase_text(entity, words)
    elif entity.type in _STATUSES and entity.encoding in structure.IDENTITIES:
        entity.body = words.text(entity.body.decode("utf-8", "surrogateescape")).encode(
            "utf-8", "surrogateescape"
        )


def _erased(field: Field, words: Erasure) -> Field | None:
    value = written_fields.text_of(field)
    left = words.text(value)
    if left == value:
        return field
    if field.name in raw_messages.ADDRESSES:
        told = [[each.name, each.email] for each in written_fields.addresses(field)]
        left = ", ".join(email.utils.formataddr((name, address)) for name, address in words.mailboxes(told))
    try:
        return raw_messages.field_of(field, left)
    except MessageUnusable:
        return None


def _erase_text(entity: Entity, words: Erasure) -> None:
    text = entity.text()
    left = words.text(text)
    if left == text:
        return
    entity.body = quoted_printable.quoted(left.replace("\n", "\r\n").encode())
    entity.describe(
        f"Content-Type: {entity.type}; charset=utf-8\r\n".encode("ascii"),
        b"Content-Transfer-Encoding: quoted-printable\r\n",
    )
