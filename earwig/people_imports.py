"""Many people at once: from a CSV file, from JSON, from the OCD service (handoff contract §11).

A row that cannot be stored is reported and leaves nothing behind; the others are stored.
"""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from django.db import transaction

from earwig import errors, people
from earwig.models import Account

#: Rows of a file that share a transaction. Each row is a savepoint in it.
ROWS_PER_COMMIT = 200
PERSON_COLUMNS = ("ocd_id", "name", "title", "photo_url")
CONTACT_COLUMNS = ("type", "value", "note")

Progress = Callable[[int, int | None], None]
Row = tuple[str, people.PersonRecord | errors.EarwigError]


class Fetch(Protocol):
    """Asks the OCD service; answers parsed JSON. Raises FeedUnavailable."""

    def __call__(self, path: str, parameters: Mapping[str, str]) -> Any: ...


@dataclasses.dataclass(slots=True)
class Report:
    """How many were stored, and what was wrong with the others: (line, index or id; message)."""

    stored: int = 0
    refused: list[tuple[str, str]] = dataclasses.field(default_factory=list)

    @property
    def read(self) -> int:
        return self.stored + len(self.refused)


def from_csv(account: Account, lines: Iterable[str], *, progress: Progress | None = None) -> Report:
    """Columns ocd_id, name, title, photo_url; type, value, note as often as needed. Raises InvalidImport."""
    reader = csv.reader(lines)
    header = next(_cells(reader), ("", []))[1]
    return _store(account, _rows_of_csv(reader, _layout_of(header)), progress, None)


def from_json(account: Account, text: str, *, progress: Progress | None = None) -> Report:
    """A list of objects with ocd_id, name, title, photo_url, contact_details. Raises InvalidImport."""
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        raise errors.InvalidImport("The file is not JSON.") from None
    if not isinstance(entries, list):
        raise errors.InvalidImport("The file is not a list of people.")
    rows = ((str(index), _record_of(entry)) for index, entry in enumerate(entries))
    return _store(account, rows, progress, len(entries))


def from_ocd(account: Account, fetch: Fetch, *, since: str, progress: Progress | None = None) -> Report:
    """Everyone changed since that date (ISO 8601). Raises FeedUnavailable when there is no list."""
    report = Report()
    for ocd_id in _listed(fetch, since):
        # One transaction a person: none is open while the service is asked.
        _store_one(account, (ocd_id, _fetched(fetch, ocd_id)), report)
        if progress:
            progress(report.read, None)
    return report


def _store(account: Account, rows: Iterable[Row], progress: Progress | None, total: int | None) -> Report:
    report = Report()
    seen: set[str] = set()
    for batch in _batches(rows):
        with transaction.atomic():
            for row in batch:
                _store_one(account, _once(row, seen), report)
        if progress:
            progress(report.read, total)
    return report


def _store_one(account: Account, row: Row, report: Report) -> None:
    name, record = row
    try:
        if isinstance(record, errors.EarwigError):
            raise record
        people.upsert(account, record=record)
    except errors.EarwigError as refused:
        report.refused.append((name, refused.message))
    else:
        report.stored += 1


def _once(row: Row, seen: set[str]) -> Row:
    name, record = row
    if not isinstance(record, people.PersonRecord):
        return row
    if record.external_id in seen:
        return name, errors.InvalidPerson("The file has this id before.")
    seen.add(record.external_id)
    return row


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == ROWS_PER_COMMIT:
            yield batch
            batch = []
    if batch:
        yield batch


def _cells(reader: Any) -> Iterator[tuple[str, list[str] | errors.EarwigError]]:
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as broken:
            yield str(reader.line_num), errors.InvalidPerson(f"Not a line of CSV: {broken}.")
        else:
            if any(cells):
                yield str(reader.line_num), cells


def _layout_of(header: list[str] | errors.EarwigError) -> list[str]:
    if isinstance(header, errors.EarwigError):
        raise errors.InvalidImport(header.message)
    names = [name.strip().removeprefix("\ufeff") for name in header]
    single = [name for name in names if name not in CONTACT_COLUMNS]
    unknown = set(single) - set(PERSON_COLUMNS)
    if unknown:
        raise errors.InvalidImport(f"Unknown column: {min(unknown)[:50]}")
    if "ocd_id" not in single or "name" not in single or len(set(single)) < len(single):
        raise errors.InvalidImport("The columns ocd_id and name are needed, and each once.")
    if len({names.count(name) for name in ("type", "value")}) != 1:
        raise errors.InvalidImport("The columns type and value come in pairs.")
    return names


def _rows_of_csv(reader: Any, layout: list[str]) -> Iterator[Row]:
    for line, cells in _cells(reader):
        if isinstance(cells, errors.EarwigError):
            yield line, cells
        elif len(cells) > len(layout):
            yield line, errors.InvalidPerson("The line has more cells than the header.")
        else:
            yield line, _record_of(_entry_of(layout, cells))


def _entry_of(layout: list[str], cells: list[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {"contact_details": []}
    for column, cell in zip(layout, cells, strict=False):
        if column == "type":
            entry["contact_details"].append({})
        if column in CONTACT_COLUMNS:
            if not entry["contact_details"]:
                return {}
            entry["contact_details"][-1][column] = cell.strip()
        else:
            entry[column] = cell.strip()
    # A row has fewer contacts than the header has room for.
    entry["contact_details"] = [contact for contact in entry["contact_details"] if any(contact.values())]
    return entry


def _listed(fetch: Fetch, since: str) -> Iterator[str]:
    page, last = 0, 0
    while page <= last:
        answer = fetch("people/", {"updated_at__gte": since, "page": str(page)})
        try:
            ids = [str(entry["id"]) for entry in answer["results"]]
            last = int(answer["meta"]["max_page"])
        except (TypeError, KeyError, ValueError):
            raise errors.FeedUnavailable("The service's list of people has another form.") from None
        yield from ids
        page += 1


def _fetched(fetch: Fetch, ocd_id: str) -> people.PersonRecord | errors.EarwigError:
    try:
        answer = fetch(ocd_id, {})
    except errors.FeedUnavailable as unavailable:
        return unavailable
    if not isinstance(answer, dict) or not isinstance(answer.get("memberships", []), list):
        return errors.InvalidPerson("The service's answer has another form.")
    details = [answer.get("contact_details") or []]
    details += [
        part.get("contact_details") or [] for part in answer.get("memberships", []) if isinstance(part, dict)
    ]
    if not all(isinstance(part, list) for part in details):
        return errors.InvalidPerson("The service's answer has another form.")
    merged = {"ocd_id": ocd_id, "contact_details": [contact for part in details for contact in part]}
    return _record_of(answer | merged)


def _record_of(entry: Any) -> people.PersonRecord | errors.EarwigError:
    """What one entry says; texts may be missing or null, but nothing else than texts."""
    try:
        contacts = tuple(
            people.ContactRecord(**{name: _text(contact, name) for name in CONTACT_COLUMNS})
            for contact in entry.get("contact_details") or []
        )
        texts = {name: _text(entry, name) for name in ("name", "title", "photo_url")}
        return people.PersonRecord(external_id=_text(entry, "ocd_id"), contacts=contacts, **texts)
    except (AttributeError, TypeError):
        return errors.InvalidPerson("A person is an object with texts and a list of contacts.")


def _text(entry: Mapping[str, Any], name: str) -> str:
    text = entry.get(name)
    if text is not None and not isinstance(text, str):
        raise TypeError
    return (text or "").strip()
