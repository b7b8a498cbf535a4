"""A set's messages as a table: a row a number, a column a language, gaps shown as such."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode

from django.db.models.functions import Left
from django.urls import reverse

from spooling.models import MessageSet
from spooling.models.message_sets import ContentType

#: Rows of the page, characters of a cell, and missing numbers in a row that each get a row of their own.
MOST_ROWS, CELL_LENGTH, MOST_MISSING = 300, 70, 5


class Entry(NamedTuple):
    """What the table needs of a message."""

    id: int
    number: int
    lang: str
    text: str | None
    file: str | None
    template: str | None


@dataclass(frozen=True, slots=True)
class Cell:
    """A message, or its absence: `missing`. `warning` says what is odd about it."""

    href: str
    text: str = ""
    missing: bool = False
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A number, or several that follow each other and that no language has."""

    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """The whole table. `hidden` rows more would follow."""

    languages: tuple[str, ...]
    rows: tuple[Row, ...]
    hidden: int
    missing: int
    add_href: str


def of_set(message_set: MessageSet) -> Grid:
    """One question, whatever the number of messages; of long texts only the beginning is read."""
    found = message_set.messages.annotate(start=Left("text_content", CELL_LENGTH + 1))
    columns = ("id", "sequence_number", "lang", "start", "binary_content__name", "template__name")
    entries = {(row[1], row[2]): Entry(*row) for row in found.values_list(*columns)}
    languages = tuple(sorted({lang for _, lang in entries}))
    numbers = list(spans(sorted({number for number, _ in entries})))
    rows = tuple(_row(message_set, span, languages, entries) for span in numbers[:MOST_ROWS])
    missing = sum(last - first + 1 for first, last in numbers) * len(languages) - len(entries)
    following = max((number for number, _ in entries), default=0) + 1
    return Grid(
        languages=languages,
        rows=rows,
        hidden=len(numbers) - len(rows),
        missing=missing,
        add_href=_add_href(message_set, following, ""),
    )


def spans(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """(first, last) of each row, in order: every number by itself, long runs of missing ones together.

    A set begins at 1, so what is missing before its first number is missing too.
    """
    expected = 1
    for number in numbers:
        if number - expected > MOST_MISSING:
            yield expected, number - 1
        else:
            yield from ((missing, missing) for missing in range(expected, number))
        yield number, number
        expected = max(expected, number + 1)


def _row(
    message_set: MessageSet,
    span: tuple[int, int],
    languages: Iterable[str],
    entries: dict[tuple[int, str], Entry],
) -> Row:
    first, last = span
    label = str(first) if first == last else f"{first} to {last}"
    cells = [_cell(message_set, first, lang, entries.get((first, lang))) for lang in languages]
    return Row(label, tuple(cells))


def _cell(message_set: MessageSet, number: int, lang: str, entry: Entry | None) -> Cell:
    if entry is None:
        return Cell(_add_href(message_set, number, lang), missing=True)
    href = reverse("admin:spooling_stagemessage_change", args=(entry.id,))
    is_mute = message_set.content_type == ContentType.AUDIO and not entry.file
    return Cell(href, _said(entry), warning="No file to listen to." if is_mute else "")


def _said(entry: Entry) -> str:
    text = entry.text or ""
    shown = text[:CELL_LENGTH] + ("…" if len(text) > CELL_LENGTH else "")
    named = [f"template {entry.template}"] if entry.template else []
    return " · ".join([*named, *([entry.file] if entry.file else []), *([shown] if shown else [])])


def _add_href(message_set: MessageSet, number: int, lang: str) -> str:
    given = {"messageset": message_set.pk, "sequence_number": number, "lang": lang}
    return f"{reverse('admin:spooling_stagemessage_add')}?{urlencode(given)}"
