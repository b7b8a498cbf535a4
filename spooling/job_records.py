"""Records of uploaded files: stored for a job, read piece by piece, and what was wrong with which. An error names the
record by its number, never by what it says.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import models

from earwig import errors
from earwig.web import bodies
from earwig.web.errors import InvalidJson
from spooling import job_files
from spooling.models import JobRequest

#: Name of the file that a job reads.
INPUT = "input"
#: Errors that a job's result lists; all of them are counted.
MOST_ERRORS = 100


class Form(models.TextChoices):
    """How records are written."""

    #: RFC 4180, the first record names the columns.
    CSV = "csv"
    #: A JSON object a line.
    JSON_LINES = "json_lines"


_CUTS = {Form.CSV: job_files.records, Form.JSON_LINES: job_files.lines}

#: Number of the record, from 1 (a header is none), and what it says, or why it cannot be read.
Record = tuple[int, Mapping[str, Any] | errors.EarwigError]


def store(job: JobRequest, data: bytes, *, form: Form, columns: Sequence[str], needed: str) -> None:
    """Keep the file as the input of a stored job, whose `total` becomes the number of its records.

    Raises InvalidImport when it is not UTF-8 or when its header, or the lack of one, is not of `columns`.
    """
    _require_text(data)
    names = _header(data, columns, needed) if form == Form.CSV else []
    count = job_files.store(job, INPUT, data, cut=_CUTS[form])
    job.total = count - 1 if form == Form.CSV else count
    job.arguments = {**job.arguments, "form": form.value, "columns": names}
    job.result = {**job.result, "refused": 0, "errors": []}
    job.save(update_fields=["total", "arguments", "result"])


def _require_text(data: bytes) -> None:
    try:
        data.decode()
    except UnicodeDecodeError:
        raise errors.InvalidImport("The file is not UTF-8.") from None


def _header(data: bytes, columns: Sequence[str], needed: str) -> list[str]:
    first = data[: next(job_files.records(data), 0)]
    try:
        cells = next(
            csv.reader(io.StringIO(first.decode().removeprefix("\ufeff"), newline=""), strict=True), []
        )
    except csv.Error:
        raise errors.InvalidImport("The header of the file cannot be read.") from None
    names = [cell.strip() for cell in cells]
    if needed not in names or not set(names) <= set(columns) or len(set(names)) < len(names):
        raise errors.InvalidImport(
            f"The file's header names each column once, among them {needed}, and no others than: {', '.join(columns)}."
        )
    return names


def next_piece(job: JobRequest) -> list[Record] | None:
    """What the job's next piece holds; None: all of the input is worked off.

    `job.position` is the number of the piece, `job.progress` of the last record before it.
    """
    data = job_files.piece(job, INPUT, job.position)
    if data is None:
        return None
    return list(_numbered(job, data.decode()))


def finish_piece(job: JobRequest, records: Sequence[Record]) -> None:
    """The job is done with these records: it goes on behind them, and they are deleted."""
    job_files.delete_piece(job, INPUT, job.position)
    job.position += 1
    job.progress += len(records)


def note_errors(job: JobRequest, found: Sequence[tuple[int, errors.EarwigError]]) -> None:
    """Count the errors in the job's result, and list the first MOST_ERRORS."""
    listed = job.result["errors"]
    job.result["refused"] += len(found)
    for number, error in found[: MOST_ERRORS - len(listed)]:
        listed.append({"record": number, "code": error.code, "message": error.message})


def _numbered(job: JobRequest, text: str) -> Iterator[Record]:
    if job.arguments["form"] == Form.CSV:
        said = _of_csv(text, job.arguments["columns"], skip=job.position == 0)
    else:
        said = (_of_line(line) for line in _lines(text))
    return enumerate(said, start=job.progress + 1)


def _of_csv(
    text: str, names: Sequence[str], *, skip: bool
) -> Iterator[Mapping[str, Any] | errors.EarwigError]:
    """One item a record, also where it is empty or broken: their numbers count them all."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff") if skip else text, newline=""))
    if skip:
        next(reader)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            # For too long a cell, whose record has a piece of its own: what follows stands within it.
            yield errors.InvalidImport("The record is not CSV.")
            return
        else:
            yield _named(names, cells)


def _named(names: Sequence[str], cells: Sequence[str]) -> Mapping[str, Any] | errors.EarwigError:
    if len(cells) > len(names):
        return errors.InvalidImport("The record has more cells than the header.")
    return {name: cell.strip() for name, cell in zip(names, cells, strict=False)}


def _lines(text: str) -> list[str]:
    # Not splitlines(): U+2028 ends no line of JSON.
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def _of_line(line: str) -> Mapping[str, Any] | errors.EarwigError:
    if not line.strip():
        return {}
    try:
        said = bodies.load(line.encode())
    except InvalidJson:
        said = None
    return said if isinstance(said, dict) else errors.InvalidImport("The line is not a JSON object.")
