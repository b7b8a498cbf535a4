"""Files of a message as clients tell them, under their several names (contract §2, §5.1)."""

from __future__ import annotations

import binascii
import mimetypes

from earwig import media_types
from spooling.outbox.drafts import NewFile
from spooling.wires.relay.inputs import Fields

MOST_FILES = 20
#: Of all files of a message.
MOST_BYTES = 20 * 1024 * 1024
LONGEST_NAME = 255

_OCTETS = "application/octet-stream"
#: Base64 comes in lines from some languages.
_BLANKS = dict.fromkeys(map(ord, " \t\r\n"))


def read(fields: Fields) -> tuple[NewFile, ...]:
    """The files; what is wrong is noted."""
    files = tuple(_file(each) for each in fields.objects("attachments", most=MOST_FILES))
    if sum(len(file.data) for file in files) > MOST_BYTES:
        fields.refuse("attachments", f"They have more than {MOST_BYTES} bytes.")
    return files


def _file(fields: Fields) -> NewFile:
    name = fields.line(fields.first("filename", "name"), required=True, most=LONGEST_NAME)
    return NewFile(name=name, type=_type(fields, name), data=_data(fields))


def _type(fields: Fields, name: str) -> str:
    member = fields.first("type", "content_type")
    said = fields.text(member).partition(";")[0].strip()
    if said and not media_types.is_bare(said):
        fields.refuse(member, "A media type such as application/pdf is expected.")
    return said or mimetypes.guess_type(name)[0] or _OCTETS


def _data(fields: Fields) -> bytes:
    member = fields.first("base64_content", "content")
    value = fields.value(member)
    if not isinstance(value, str):
        fields.require(member)
        return b""
    try:
        return binascii.a2b_base64(value.translate(_BLANKS), strict_mode=True)
    except ValueError:
        fields.refuse(member, "It is no base64.")
        return b""
