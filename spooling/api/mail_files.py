"""The reader of a mail's attachments: JSON in, files out; what is wrong is noted. Pure."""

from __future__ import annotations

import binascii
import re
from typing import Any

from earwig import media_types
from spooling.api import mail_fields
from spooling.api.notes import Notes
from spooling.outbox.drafts import NewFile

MAX_FILES = 100

_BREAK = re.compile("[\r\n\0]")
_CID = re.compile(r"[!-;=?-~]{1,200}")


def attachments(value: Any, field: str, notes: Notes) -> tuple[NewFile, ...]:
    """Files; the data in strict base64 (RFC 4648 §4)."""
    if not isinstance(value, list) or len(value) > MAX_FILES:
        notes.add(field, "wrong_type", f"A list of at most {MAX_FILES} files.")
        return ()
    files = [_file(item, f"{field}.{number}", notes) for number, item in enumerate(value)]
    return tuple(file for file in files if file is not None)


def _file(value: Any, field: str, notes: Notes) -> NewFile | None:
    if not isinstance(value, dict):
        notes.add(field, "wrong_type", "An object with name, type and data.")
        return None
    mail_fields.unknown(value, ("name", "type", "data", "cid"), field, notes)
    name, kind, cid = value.get("name"), value.get("type"), value.get("cid") or ""
    if not isinstance(name, str) or not 0 < len(name) <= 255 or _BREAK.search(name):
        notes.add(f"{field}.name", "invalid", "1 to 255 characters without line breaks.")
    if not isinstance(kind, str) or not media_types.is_bare(kind):
        notes.add(f"{field}.type", "invalid", "A media type such as application/pdf.")
    if not isinstance(cid, str) or (cid and not _CID.fullmatch(cid)):
        notes.add(f"{field}.cid", "invalid", "At most 200 printable ASCII characters without < and >.")
    data = _base64(value.get("data"), f"{field}.data", notes)
    return None if notes.problems else NewFile(name=str(name), type=str(kind), data=data, cid=cid)


def _base64(value: Any, field: str, notes: Notes) -> bytes:
    try:
        return binascii.a2b_base64(value.encode("ascii"), strict_mode=True)
    except (AttributeError, ValueError):
        notes.add(field, "invalid", "Base64 without line breaks.")
        return b""
