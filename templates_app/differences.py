"""What changed from one version to another, line by line. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import NamedTuple

from templates_app import wordings

#: Comparing costs up to the square of this: longer texts are shown as replaced.
MOST_LINES = 1000
#: Unchanged lines around a change.
CONTEXT_LINES = 3


class Line(NamedTuple):
    """`kind` is "+", "-", a blank for an unchanged line, or "@" where lines are left out."""

    kind: str
    text: str


def between(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, list[Line]]:
    """The lines of each text that differs, by the names of `wordings.FIELDS`."""
    return {
        field: _lines(old[field].splitlines(), new[field].splitlines())
        for field in wordings.FIELDS
        if old[field] != new[field]
    }


def _lines(old: list[str], new: list[str]) -> list[Line]:
    if len(old) + len(new) > MOST_LINES:
        return [*(Line("-", text) for text in old), *(Line("+", text) for text in new)]
    unified = difflib.unified_diff(old, new, n=CONTEXT_LINES, lineterm="")
    # The first two lines name files, the third says where the first change is.
    return [_line(text) for text in list(unified)[3:]] or [Line("@", "Only line ends differ.")]


def _line(text: str) -> Line:
    return Line("@", "…") if text.startswith("@") else Line(text[0], text[1:])
