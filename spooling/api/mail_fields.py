"""Readers of the fields of a mail: JSON in, checked values out; what is wrong is noted. Pure."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Container, Mapping
from datetime import UTC, datetime
from typing import Any

from earwig import errors, mailboxes
from spooling.api.notes import Notes
from spooling.delivery import headers as header_fields
from spooling.delivery.errors import MimeError
from spooling.models.spoolers import Lane
from templates_app import wordings
from templates_app.errors import TemplateError

MAX_ADDRESSES = 1000
MAX_HEADERS = 50
MAX_HEADER = 4000
MAX_TAGS = 20
MAX_TAG = 100
MAX_METADATA_BYTES = 4096
LANGUAGE = "mustache"

Pair = tuple[str, str]

_ADDRESS = ("email", "name")
_BREAK = re.compile("[\r\n\0]")
_LANGUAGE_TAG = re.compile(r"[A-Za-z0-9]{1,8}(?:-[A-Za-z0-9]{1,8})*")
#: Longer text is shown to the renderer even without tags: it has a limit of its own.
_SURELY_SHORT = 100_000
_SOURCES_REMEMBERED = 4096
_sound_sources: set[int] = set()


def line(value: Any, field: str, notes: Notes) -> str:
    """Text of one line that goes into a header, possibly a template."""
    if not _is_text(value, field, notes):
        return ""
    if len(value) > wordings.MAX_SUBJECT or not value.isprintable():
        for flaw in wordings.line_flaws(field, value, wordings.MAX_SUBJECT):
            notes.add(*flaw)
    return template(value, field, notes)


def template(value: Any, field: str, notes: Notes) -> str:
    """Text that may hold tags; what was found sound is not parsed again."""
    if not _is_text(value, field, notes):
        return ""
    if ("{{" not in value and len(value) <= _SURELY_SHORT) or not notes.parses:
        return str(value)
    # Keyed by the process and costing a tenth of a digest; two sources that meet in it would only lead to quarantine.
    digest = hash(value)
    if digest not in _sound_sources:
        try:
            notes.work.check(value, LANGUAGE)
        except TemplateError as error:
            notes.add(field, error.code, str(error))
            return ""
        if len(_sound_sources) >= _SOURCES_REMEMBERED:
            _sound_sources.clear()
        _sound_sources.add(digest)
    return str(value)


def address(value: Any, field: str, notes: Notes) -> Pair | None:
    """`a@b`, `Name <a@b>` or `{"email", "name"}` as (name, email)."""
    if isinstance(value, dict):
        unknown(value, _ADDRESS, field, notes)
        return named_address(value, field, notes)
    if not isinstance(value, str):
        notes.add(field, "wrong_type", "An address: text, or an object with email and name.")
        return None
    try:
        return mailboxes.parse(value)
    except errors.InvalidAddress as error:
        _note_address(value, error, field, notes)
        return None


def named_address(value: Mapping[str, Any], field: str, notes: Notes) -> Pair | None:
    """(name, email) of an object's members `email` and `name`."""
    email, name = value.get("email"), value.get("name") or ""
    if not isinstance(email, str) or not isinstance(name, str):
        notes.add(f"{field}.email", "wrong_type", "email and name are text; email is required.")
        return None
    try:
        return mailboxes.checked_name(name), mailboxes.normal(email)
    except errors.InvalidAddress as error:
        _note_address(name + email, error, field, notes)
        return None


def _note_address(text: str, error: errors.InvalidAddress, field: str, notes: Notes) -> None:
    notes.add(field, "header_injection" if _BREAK.search(text) else error.code, error.message)


def author(value: Any, field: str, notes: Notes) -> Pair | None:
    """The From address; its name may hold tags."""
    pair = address(value, field, notes)
    if pair is not None:
        template(pair[0], field, notes)
    return pair


def addresses(value: Any, field: str, notes: Notes) -> tuple[Pair, ...]:
    """A list of addresses; a single one may stand without its list."""
    listed = value if isinstance(value, list) else [value]
    if len(listed) > MAX_ADDRESSES:
        notes.add(field, "too_many", f"At most {MAX_ADDRESSES} addresses.")
        return ()
    pairs = [address(item, f"{field}.{number}", notes) for number, item in enumerate(listed)]
    return tuple(pair for pair in pairs if pair is not None)


def reply_addresses(value: Any, field: str, notes: Notes) -> tuple[Pair, ...]:
    """As `addresses`, without tags: delivery would render them."""
    pairs = addresses(value, field, notes)
    for number, (_, email) in enumerate(pairs):
        if "{{" in email:
            notes.add(f"{field}.{number}", "invalid_address", "An address holds no tags.")
    return pairs


def moment(value: Any, field: str, notes: Notes) -> datetime | None:
    """ISO 8601 with its zone, as UTC."""
    try:
        parsed = datetime.fromisoformat(value)
        if parsed.tzinfo is not None:
            return parsed.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    notes.add(field, "invalid", "A moment in ISO 8601 with its zone, such as 2026-01-31T12:00:00Z.")
    return None


def headers(value: Any, field: str, notes: Notes) -> tuple[Pair, ...]:
    """Extra header fields, name to value."""
    if not isinstance(value, dict) or len(value) > MAX_HEADERS:
        notes.add(field, "wrong_type", f"An object of at most {MAX_HEADERS} names and values.")
        return ()
    for name, text in value.items():
        _header(name, text, f"{field}.{name}"[:200], notes)
    return tuple(value.items())


def _header(name: str, value: Any, field: str, notes: Notes) -> None:
    if not _is_text(value, field, notes):
        return
    try:
        header_fields.check_header(name, value)
    except MimeError as error:
        notes.add(field, error.code, str(error))
    if len(value) > MAX_HEADER:
        notes.add(field, "too_long", f"At most {MAX_HEADER} characters.")
    template(value, field, notes)


def tags(value: Any, field: str, notes: Notes) -> tuple[str, ...]:
    """At most 20 words of at most 100 characters."""
    if (
        isinstance(value, list)
        and len(value) <= MAX_TAGS
        and all(isinstance(tag, str) and 0 < len(tag) <= MAX_TAG for tag in value)
    ):
        return tuple(value)
    notes.add(field, "invalid", f"At most {MAX_TAGS} texts of 1 to {MAX_TAG} characters.")
    return ()


def metadata(value: Any, field: str, notes: Notes) -> Mapping[str, Any]:
    """An object of at most 4 KiB, given back as it came."""
    given = variables(value, field, notes)
    if given and len(json.dumps(given, separators=(",", ":"))) > MAX_METADATA_BYTES:
        notes.add(field, "too_long", f"At most {MAX_METADATA_BYTES} bytes of JSON.")
    return given


def variables(value: Any, field: str, notes: Notes) -> dict[str, Any]:
    """What the templates name; the outbox bounds it."""
    if not isinstance(value, dict):
        notes.add(field, "wrong_type", "An object.")
        return {}
    return value


def lane(value: Any, field: str, notes: Notes) -> str:
    """Which workers send it."""
    if value in Lane.values:
        return str(value)
    notes.add(field, "invalid", f"One of {', '.join(Lane.values)}.")
    return Lane.TRANSACTIONAL


def language(value: Any, field: str, notes: Notes) -> str:
    """A language tag of at most 12 characters (BCP 47)."""
    if isinstance(value, str) and len(value) <= 12 and _LANGUAGE_TAG.fullmatch(value):
        return value
    notes.add(field, "invalid", "A language tag such as en or pt-BR.")
    return ""


def token(value: Any, field: str, notes: Notes) -> str:
    """A spooler's token; whose it is shows later."""
    if isinstance(value, str) and 0 < len(value) <= 64:
        return value
    notes.add(field, "wrong_type", "A spooler's token.")
    return ""


def template_id(value: Any, field: str, notes: Notes) -> uuid.UUID | None:
    """A template's id; whose it is shows later."""
    try:
        return uuid.UUID(hex=value)
    except (AttributeError, TypeError, ValueError):
        notes.add(field, "wrong_type", "A template's id: 32 hex digits.")
        return None


def version_number(value: Any, field: str, notes: Notes) -> int | None:
    """A version's number; whether there is one shows later."""
    if type(value) is int and 0 < value < 2**31:
        return value
    notes.add(field, "invalid", "A version's number, from 1 on.")
    return None


def flag(value: Any, field: str, notes: Notes) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        notes.add(field, "wrong_type", "true or false.")
    return value is True


def unknown(value: Mapping[str, Any], known: Container[str], field: str, notes: Notes) -> None:
    """Note every name that is not known."""
    for name in value:
        if name not in known:
            notes.add(f"{field}.{name}"[:200], "unknown_field", "There is no such field.")


def _is_text(value: Any, field: str, notes: Notes) -> bool:
    if isinstance(value, str):
        return True
    notes.add(field, "wrong_type", "Text.")
    return False
