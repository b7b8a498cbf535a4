"""Takes an address or a name out of a complete message that is stored. Pure."""

from __future__ import annotations

import re

from spooling import raw_messages
from spooling.delivery import errors, headers, quoted_printable, structure, written_fields
from spooling.delivery.headers import Address
from spooling.delivery.structure import Entity, Field
from spooling.erasure import Erasure
from spooling.errors import MessageUnusable

#: What reports tell machines of recipients (RFC 3464, RFC 6533).
_STATUSES = ("message/delivery-status", "message/global-delivery-status")
#: Texts that break lines within words (RFC 5545 §3.1, RFC 6350 §3.2).
_FOLDED = frozenset(("text/calendar", "text/x-vcalendar", "text/vcard", "text/x-vcard", "text/directory"))
_FOLD = re.compile(r"\r?\n[ \t]")
#: What reports return of a message (RFC 3462 §2).
_HEADER = "text/rfc822-headers"
#: Messages encoded within each other, so often: each costs a look at all within it.
MOST_ENCODED = 5


def without(raw: bytes, words: Erasure) -> bytes:
    """The stored message with these words gone from its header and its texts, however they are encoded; the very same
    where they are not there.

    A file that holds them, and what is signed, is emptied: it would be worth nothing. A field that cannot be written
    anew is dropped. What is compressed, encrypted or encoded more than MOST_ENCODED times is not looked into.
    """
    return _without(raw, words, MOST_ENCODED)


def holds(raw: bytes, words: Erasure) -> bool:
    """Whether one of the words stands in it, as it is or encoded."""
    return _holds(raw, words, MOST_ENCODED)


def _without(raw: bytes, words: Erasure, levels: int) -> bytes:
    message = structure.read(raw)
    _erase(message, words, levels)
    return message.octets()


def _holds(raw: bytes, words: Erasure, levels: int) -> bool:
    text = _text(raw)
    return words.text(text) != text or _without(raw, words, levels) != raw


def _erase(entity: Entity, words: Erasure, levels: int) -> None:
    entity.fields = [left for each in entity.fields if (left := _erased(each, words)) is not None]
    if entity.sealed and entity.type.startswith("multipart/"):
        if any(words.text(each) != each for each in _told(entity)):
            entity.parts, entity.seams, entity.body = [], [], b""
        return
    entity.seams = [_octets(words.text(_text(seam))) for seam in entity.seams]
    for part in entity.parts:
        _erase(part, words, levels)
    if not entity.parts:
        _erase_body(entity, words, levels)


def _told(entity: Entity) -> list[str]:
    """All that stands in it, at any depth."""
    told = [_text(seam) for seam in entity.seams]
    for part in entity.parts:
        told += [*(written_fields.text_of(each) for each in part.fields), *_told(part)]
    return told if entity.parts else [*told, _read(entity), _FOLD.sub("", _read(entity))]


def _erased(field: Field, words: Erasure) -> Field | None:
    if field.name in raw_messages.ADDRESSES:
        return _erased_mailboxes(field, words)
    value = written_fields.text_of(field)
    left = words.text(value)
    if left == value:
        return field
    try:
        return raw_messages.field_of(field, left)
    except MessageUnusable:
        return None


def _erased_mailboxes(field: Field, words: Erasure) -> Field | None:
    """An address goes however it is written: blanks and comments may stand within."""
    value = written_fields.text_of(field)
    told = [[each.name, each.email] for each in written_fields.addresses(field)]
    left = words.mailboxes(told)
    if left == told and words.text(value) == value:
        return field
    try:
        octets, _ = headers.address_field(f"{field.title}: ", [Address(*each) for each in left])
    except errors.MimeError:
        return None
    return Field(field.name, octets)


def _erase_body(leaf: Entity, words: Erasure, levels: int) -> None:
    text = _read(leaf)
    left = words.text(_header_left(text, words) if leaf.type == _HEADER else text)
    if leaf.type in _FOLDED and words.text(unfolded := _FOLD.sub("", left)) != unfolded:
        left = words.text(unfolded)
    if left == text and not _holds_encoded(leaf, words, levels):
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


def _header_left(text: str, words: Erasure) -> str:
    """A header as a text, without the words in its fields."""
    header = _without(_octets(text.replace("\n", "\r\n")), words, 0)
    return _text(header).replace("\r\n", "\n")


def _holds_encoded(leaf: Entity, words: Erasure, levels: int) -> bool:
    """Whether it is a message, itself encoded, that holds the words encoded once more."""
    nested = leaf.type.startswith("message/") and leaf.encoding not in structure.IDENTITIES
    return nested and levels > 0 and _holds(leaf.decoded(), words, levels - 1)


def _read(leaf: Entity) -> str:
    if leaf.type.startswith("text/"):
        return leaf.text()
    # Also what has two octets a character.
    return _text(leaf.decoded().replace(b"\0", b""))


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
