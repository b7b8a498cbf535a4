"""How much variables may hold: those of a mail, of what many mails say, and the attributes of a person. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

#: Bytes as JSON without blanks: of one mail.
OF_A_MAIL = 256 * 1024
#: Of a message, a campaign or a template's preview.
OF_A_CONTENT = 1024 * 1024
OF_A_PERSON = 64 * 1024
#: At all levels; names are none.
MOST_VALUES = 10_000
#: Objects and lists within each other, the outermost counted. What orjson writes is not deeper.
MOST_LEVELS = 254
#: A value takes at least two characters, and a character at most four bytes: shorter JSON is within every bound.
SURELY_SMALL = 2 * MOST_VALUES


def text(values: Mapping[str, Any]) -> str:
    """As JSON on one line."""
    try:
        return orjson.dumps(values).decode()
    except TypeError:
        # Numbers beyond 64 bits, and nesting beyond MOST_LEVELS.
        return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def flaw(values: Mapping[str, Any], most: int) -> str:
    """Why they are more than may be taken, `most` being bytes; empty if they are not.

    Whatever they hold, that costs no more than to write them once as JSON.
    """
    try:
        size = len(orjson.dumps(values))
    except TypeError:
        size = None
    if size is not None and size <= SURELY_SMALL:
        return ""
    return _structural_flaw(values) or _size_flaw(values, size, most)


def _structural_flaw(values: Mapping[str, Any]) -> str:
    """Looks at no more than MOST_VALUES."""
    level: list[Any] = [values]
    count = 0
    for _ in range(MOST_LEVELS):
        count += sum(map(len, level))
        if count > MOST_VALUES:
            return f"At most {MOST_VALUES:,} values."
        level = [inner for outer in level for inner in _inner(outer)]
        if not level:
            return ""
    return f"At most {MOST_LEVELS} levels of objects and lists."


def _inner(outer: Any) -> list[Any]:
    members = outer.values() if isinstance(outer, Mapping) else outer
    return [member for member in members if isinstance(member, (dict, list))]


def _size_flaw(values: Mapping[str, Any], size: int | None, most: int) -> str:
    if size is None:
        size = len(text(values).encode("utf-8", "surrogatepass"))
    return f"At most {most // 1024:,} KiB as JSON." if size > most else ""
