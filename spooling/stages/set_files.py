"""Message sets as CSV: a line each message, what belongs to the set on the set's first line.

Pure: what the lines say, and which lines say nothing sensible by themselves.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from earwig import errors
from earwig.web import bodies
from earwig.web import errors as web_errors

CRON_COLUMNS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
SET_COLUMNS = (
    "short_name",
    "label",
    "content_type",
    "default_schedule",
    *CRON_COLUMNS,
    "next_set",
    "channel",
    "from_address",
    "notes",
)
MESSAGE_COLUMNS = ("sequence_number", "lang", "text", "file", "template", "metadata")
COLUMNS = SET_COLUMNS + MESSAGE_COLUMNS
#: Characters of a cell. The csv module's own limit is shorter than a long message.
LONGEST_CELL = 10_000_000
#: A spreadsheet takes a cell that begins so for a formula, and may run what a stranger wrote.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
#: What the wire's integers hold (Seed contract §3.4).
LARGEST_NUMBER = 2**31 - 1
_DELIMITERS = ",;\t"


class Problem(NamedTuple):
    """What is wrong, and where; `column` is empty when it is about the whole line."""

    line: int
    column: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEntry:
    """A message as the file has it: of text, file, template and metadata only the columns that the file has."""

    line: int
    sequence_number: int
    lang: str
    values: Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class SetEntry:
    """A set as the file has it: of its columns only those that the file has, and where it is first named."""

    line: int
    values: dict[str, str]
    messages: dict[tuple[int, str], MessageEntry] = field(default_factory=dict)


@dataclass(slots=True)
class Sheet:
    """What a file says, sets by short name."""

    sets: dict[str, SetEntry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def messages(self) -> int:
        return sum(len(entry.messages) for entry in self.sets.values())


def read(text: str) -> Sheet:
    """Separated by comma, semicolon or tab, whichever the header has. Raises InvalidImport when the header is wrong."""
    csv.field_size_limit(LONGEST_CELL)
    first_line = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first_line.count)
    lines = _lines(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    columns = _columns_of(next(lines, (1, []))[1])
    sheet = Sheet()
    for line, cells in lines:
        if isinstance(cells, str) or len(cells) > len(columns):
            message = cells if isinstance(cells, str) else "The line has more cells than the header."
            sheet.problems.append(Problem(line, "", message))
        elif any(cells):
            _take(sheet, line, _row_of(columns, cells))
    return sheet


def write(sets: Iterable[tuple[Mapping[str, str], Sequence[Mapping[str, str]]]]) -> Iterator[str]:
    """The lines of a file that `read` reads back: of each set its own cells, then those of each of its messages."""
    yield _line_of({column: column for column in COLUMNS})
    for own, messages in sets:
        yield _line_of({**own, **(messages[0] if messages else {})})
        for message in messages[1:]:
            yield _line_of({"short_name": own["short_name"], **message})


def _lines(reader: Any) -> Iterator[tuple[int, list[str] | str]]:
    """Cells, or what is wrong with them, by the line of the file where they begin."""
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as broken:
            yield line, f"Not a line of CSV: {broken}."
        else:
            yield line, cells


def _columns_of(header: list[str] | str) -> list[str]:
    if isinstance(header, str):
        raise errors.InvalidImport(header)
    columns = [name.strip().removeprefix("\ufeff").strip().lower() for name in header]
    unknown = sorted(set(columns) - set(COLUMNS))
    if unknown:
        raise errors.InvalidImport(f"Unknown column: {unknown[0][:50] or '(without a name)'}")
    if "short_name" not in columns or len(set(columns)) < len(columns):
        raise errors.InvalidImport("The column short_name is needed, and each column once.")
    if ("sequence_number" in columns) != ("lang" in columns):
        raise errors.InvalidImport("The columns sequence_number and lang come together.")
    return columns


def _row_of(columns: list[str], cells: list[str]) -> dict[str, str]:
    padded = cells + [""] * (len(columns) - len(cells))
    return {
        column: _unguarded(cell) if column in ("text", "notes") else _unguarded(cell.strip())
        for column, cell in zip(columns, padded, strict=True)
    }


def _take(sheet: Sheet, line: int, row: dict[str, str]) -> None:
    if any("\0" in cell for cell in row.values()):
        sheet.problems.append(Problem(line, "", "Null characters are not allowed."))
        return
    if not row["short_name"]:
        sheet.problems.append(Problem(line, "short_name", "This field may not be blank."))
        return
    own = {column: cell for column, cell in row.items() if column in SET_COLUMNS}
    entry = sheet.sets.setdefault(row["short_name"], SetEntry(line=line, values=dict(own)))
    sheet.problems += _joined(entry, line, own)
    if any(row.get(column) for column in MESSAGE_COLUMNS):
        sheet.problems += _add_message(entry, line, row)


def _joined(entry: SetEntry, line: int, own: dict[str, str]) -> Iterator[Problem]:
    """Later lines of a set leave its columns empty, or repeat them."""
    for column, cell in own.items():
        if not entry.values[column]:
            entry.values[column] = cell
        elif cell and cell != entry.values[column]:
            yield Problem(line, column, f"Line {entry.line} says something else of this set.")


def _add_message(entry: SetEntry, line: int, row: dict[str, str]) -> list[Problem]:
    problems: list[Problem] = []
    number = _number_of(row.get("sequence_number", ""))
    if number is None:
        problems.append(Problem(line, "sequence_number", "A valid integer is required."))
    lang = row.get("lang", "")
    if not lang:
        problems.append(Problem(line, "lang", "This field may not be blank."))
    values: dict[str, Any] = {column: row[column] for column in ("text", "file", "template") if column in row}
    if "metadata" in row:
        values["metadata"] = metadata = _object_of(row["metadata"])
        if metadata is None:
            problems.append(Problem(line, "metadata", "A JSON object is required."))
    if number is not None and not problems:
        message = MessageEntry(line=line, sequence_number=number, lang=lang, values=values)
        before = entry.messages.setdefault((number, lang), message)
        if before is not message:
            problems.append(Problem(line, "", f"Line {before.line} has this message already."))
    return problems


def _number_of(cell: str) -> int | None:
    try:
        number = int(cell) if len(cell) < 20 else None
    except ValueError:
        return None
    return number if number is not None and abs(number) <= LARGEST_NUMBER else None


def _object_of(cell: str) -> dict[str, Any] | None:
    try:
        parsed = bodies.load(cell.encode()) if cell else {}
    except web_errors.InvalidJson:
        return None
    return parsed if isinstance(parsed, dict) else None


def _line_of(cells: Mapping[str, str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line).writerow([_guarded(cells.get(column, "")) for column in COLUMNS])
    return line.getvalue()


def _guarded(cell: str) -> str:
    """With an apostrophe before what a spreadsheet would run; one that stands there already gets a second."""
    return f"'{cell}" if cell.lstrip("'").startswith(FORMULA_STARTS) else cell


def _unguarded(cell: str) -> str:
    guarded = cell.startswith("'") and cell.lstrip("'").startswith(FORMULA_STARTS)
    return cell[1:] if guarded else cell
