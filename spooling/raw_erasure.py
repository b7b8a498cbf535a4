"""Takes an address or a name out of a complete message that is stored. Pure."""

from __future__ import annotations

import email.utils
import re

from spooling import raw_messages
from spooling.delivery import quoted_printable, structure, written_fields
from spooling.delivery.structure import Entity, Field
from spooling.erasure import Erasure
from spooling.errors import MessageUnusable

#: What reports tell machines of recipients (RFC 3464, RFC 6533).
_STATUSES = ("message/delivery-status", "message/global-delivery-status")
#: Texts that break lines within words (RFC 5545 §3.1, RFC 6350 §3.2).
_FOLDED = frozenset(("text/calendar", "text/x-vcalendar", "text/vcard", "text/x-vcard", "text/directory"))
_FOLD = re.compile(r"\r?\n[ \t]")


def without(raw: bytes, words: Erasure) -> bytes:
    """The stored message with these words gone from its header and its texts, however they are encoded; the very same
    where they are not there.

    A file that holds them, and what is signed, is emptied: it would be worth nothing. A field that cannot be written
    anew is dropped. What is compressed or encrypted is not looked into.
    """
    message = structure.read(raw)
    _erase(message, words)
    return message.octets()


def holds(raw: bytes, words: Erasure) -> bool:
    """Whether one of the words stands in it, as it is or encoded."""
    text = _text(raw)
    return words.text(text) != text or without(raw, words) != raw


def _erase(entity: Entity, words: Erasure) -> None:
    entity.fields = [left for each in entity.fields if (left := _erased(each, words)) is not None]
    if entity.sealed and entity.type.startswith("multipart/"):
        if any(words.text(each) != each for each in _told(entity)):
            entity.parts, entity.seams, entity.body = [], [], b""
        return
    entity.seams = [_octets(words.text(_text(seam))) for seam in entity.seams]
    for part in entity.parts:
        _erase(part, words)
    if not entity.parts:
        _erase_body(entity, words)


def _told(entity: Entity) -> list[str]:
    """All that stands in it, at any depth."""
    told = [_text(seam) for seam in entity.seams]
    for part in entity.parts:
        told += [*(written_fields.text_of(each) for each in part.fields), *_told(part)]
    return told if entity.parts else [*told, _read(entity), _FOLD.sub("", _read(entity))]


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


def _erase_body(leaf: Entity, words: Erasure) -> None:
    text = _read(leaf)
    left = words.text(text)
    if leaf.type in _FOLDED and words.text(unfolded := _FOLD.sub("", left)) != unfolded:
        left = words.text(unfolded)
    if left == text and not _holds_encoded(leaf, words):
        return
    if leaf.type.startswith("text/"):
        leaf.body = quoted_printable.quoted(left.replace("\n", "\r\n").encode())
        leaf.describe(
            f"Content-Type: {leaf.type}; charset=utf-8\r\n".encode("ascii"),
            b"Content-Transfer-Encoding: quoted-printable\r\n",
        )
    elif leaf.type in _STATUSES and leaf.encoding in structure.IDENTITIES:
        leaf.body = _octets(left)
    else:
        leaf.body = b""


def _holds_encoded(leaf: Entity, words: Erasure) -> bool:
    """Whether it is a message, itself encoded, that holds the words encoded once more."""
    nested = leaf.type.startswith("message/") and leaf.encoding not in structure.IDENTITIES
    return nested and holds(leaf.decoded(), words)


def _read(leaf: Entity) -> str:
    if leaf.type.startswith("text/"):
        return leaf.text()
    # Also what has two octets a character.
    return _text(leaf.decoded().replace(b"\0", b""))


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
