"""Files of recipients, as people's programs write them: text in UTF-8 or Latin-1, cells between commas, semicolons or
tabs, names of columns first. Pure.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from earwig import errors, mailboxes
from earwig import variables as bounds
from spooling.campaigns.filling import Entry

#: As the csv module has it, unless somebody else in the process asked it for longer ones.
LONGEST_CELL = 131_072
#: Encodings that a file may be in, by Python's names of their names.
ENCODINGS = ("utf-8", "iso8859-1", "cp1252")
MOST_COLUMNS = 200
MOST_TAGS, LONGEST_TAG = 20, 100
_DELIMITERS = ",;\t"
#: What a program of tables takes for the beginning of a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

#: Line in the file, and the cells of one record.
Record = tuple[int, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A file of which the header is known; `names` are its columns."""

    names: tuple[str, ...]
    delimiter: str
    records: Iterator[Record]


def read(data: bytes, *, charset: str = "") -> Table:
    """The file as a table. Raises InvalidImport for what is no text, or has no column named email; `records` raises it
    for cells that are too long or never end.
    """
    text = _text(data, charset).removeprefix("\ufeff")
    delimiter = _delimiter(text)
    records = _sound(_records(text, delimiter))
    _, header = next(records)
    return Table(names=_names(header), delimiter=delimiter, records=records)


def _text(data: bytes, charset: str) -> str:
    try:
        encoding = codecs.lookup(charset or "utf-8").name
        if encoding not in ENCODINGS:
            raise LookupError(charset)
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise errors.InvalidImport("The file is not in its charset; UTF-8 where none is named.") from None
    except (LookupError, ValueError):
        raise errors.InvalidImport("The charset is utf-8, iso-8859-1 or windows-1252.") from None


def _delimiter(text: str) -> str:
    """The one that parts the first record, an email among its cells, into the most columns."""
    found = []
    for delimiter in _DELIMITERS:
        _, header = next(_records(text, delimiter), (0, None))
        names = [cell.strip().lower() for cell in header or ()]
        if "email" in names:
            found.append((len(names), delimiter))
    if not found:
        raise errors.InvalidImport("The first line names the columns, one of them email.")
    return max(found)[1]


def _names(header: Sequence[str]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in header)
    plain = tuple(name.lower() if name.lower() in ("email", "name", "tags") else name for name in names)
    if "" in plain or len(set(plain)) < len(plain) or len(plain) > MOST_COLUMNS:
        raise errors.InvalidImport(f"Each of at most {MOST_COLUMNS} columns has a name of its own.")
    if any("\0" in name for name in plain):
        raise errors.InvalidImport("A column's name holds a null character.")
    return plain


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str] | None]]:
    """Every record but empty ones, by the line that it begins in. The last one is None where it cannot be read: what
    comes after it may stand within a cell.
    """
    # Quotes that never end take in the line behind the last one.
    end = iter([""])
    reader = csv.reader(itertools.chain(io.StringIO(text, newline=""), end), delimiter=delimiter)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except csv.Error:
            yield line, None
            return
        if not operator.length_hint(end):
            if cells:
                yield line, None
            return
        if any(len(cell) > LONGEST_CELL for cell in cells):
            yield line, None
            return
        if any(cell.strip() for cell in cells):
            yield line, cells


def _sound(records: Iterable[tuple[int, list[str] | None]]) -> Iterator[Record]:
    """Raises InvalidImport where one cannot be read: whoever is named behind it would be left out, or what stands in
    a cell taken for a recipient.
    """
    for line, cells in records:
        if cells is None:
            raise errors.InvalidImport(
                f"A cell of the record that begins in line {line} is too long, or its quotes do not end."
            )
        yield line, cells


def entry(names: Sequence[str], cells: Sequence[str]) -> Entry:
    """A record as a recipient: what is neither email, name nor tags is a variable, and an empty cell says nothing.

    Raises InvalidImport and InvalidAddress, which quote nothing.
    """
    if len(cells) > len(names):
        raise errors.InvalidImport("The line has more cells than the header.")
    said = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if cell.strip()}
    if any("\0" in cell for cell in said.values()):
        raise errors.InvalidImport("A cell holds a null character.")
    try:
        email = mailboxes.normal(said.pop("email", ""))
        name = mailboxes.checked_name(said.pop("name", ""))
    except errors.InvalidAddress:
        # Its own words may quote the address.
        raise errors.InvalidAddress from None
    found = Entry(email=email, name=name, tags=_tags(said.pop("tags", "")), variables=said)
    if why := bounds.flaw(said, bounds.OF_A_MAIL):
        raise errors.InvalidImport(f"Its variables: {why}")
    return found


def _tags(cell: str) -> tuple[str, ...]:
    tags = tuple(dict.fromkeys(tag.strip() for tag in cell.replace(";", ",").replace("|", ",").split(",")))
    tags = tuple(tag for tag in tags if tag)
    if len(tags) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in tags):
        raise errors.InvalidImport(f"At most {MOST_TAGS} tags of {LONGEST_TAG} characters.")
    return tags


def error_line(line: int, why: str, cells: Sequence[str], *, delimiter: str) -> bytes:
    """A line of the file of errors: where it was, what was wrong, what it said. Harmless in a program of tables."""
    said = _row(cells, delimiter).rstrip("\r\n")
    return _row([str(line), _harmless(why), _harmless(said)], ",").encode()


#: The first line of a file of errors.
ERROR_HEADER = b"line,error,record\r\n"


def _row(cells: Sequence[Any], delimiter: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerow(cells)
    return text.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
