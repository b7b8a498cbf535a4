"""`logfiles`: what happened on a day (UTC), a file for each kind of happening (contract §6.3)"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date
from typing import Any
from xml.sax.saxutils import escape

import orjson
from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request

from spooling.models import DmarcReport
from spooling.wires.smtpeter import errors, logs, records, selections, windows, wire
from spooling.wires.smtpeter.logs import Log
from spooling.wires.smtpeter.records import Record
from stats import timelines

_NAME = re.compile(r"([a-z]+)\.([0-9-]{10})\.log")
#: What XML 1.0 has no place for.
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class LogView(wire.WireView):
    scopes = wire.READS
    http_method_names = ["get", "head"]


class DaysView(LogView):
    """The days that have logs."""

    def get(self, request: Request) -> HttpResponse:
        reported = DmarcReport.objects.filter(account=self.account_id).values_list("received_at", flat=True)
        days = {moment.astimezone(UTC).date() for moment in reported.iterator()}
        kinds = sorted(logs.kinds_of(logs.OF_MAILS))
        days |= timelines.days(self.account_id, kinds)
        return wire.answer([day.isoformat() for day in sorted(days)])


class DayView(LogView):
    """The names of a day's logs."""

    def get(self, request: Request, day: str) -> HttpResponse:
        asked = _day(day)
        names = [f"{log.name}.{day}.log" for log in logs.ALL.values() if self._has(log, asked)]
        if not names:
            raise errors.NotFound("There are no logs of this day.")
        return wire.answer(names)

    def _has(self, log: Log, day: date) -> bool:
        return _rows(self.account_id, log, day).exists()


class FileView(LogView):
    """A log, in the form that the path names; CSV without one."""

    def get(self, request: Request, name: str, form: str = "") -> HttpResponseBase:
        match = _NAME.fullmatch(name)
        log = logs.ALL.get(match[1]) if match else None
        if match is None or log is None:
            raise errors.NotFound("There is no such log.")
        found = _records(self.account_id, log, _day(match[2]))
        first = next(found, None)
        if first is None:
            raise errors.NotFound("There is no such log.")
        write, type_ = _FORMS[form]
        return wire.streamed(write(log, _again(first, found)), type_=type_)


def _day(text: str) -> date:
    """Raises NotFound."""
    day = windows.day_of(text)
    if day is None or day > timezone.now().astimezone(UTC).date():
        raise errors.NotFound("There are no logs of this day.")
    return day


def _rows(account_id: int, log: Log, day: date) -> QuerySet[Any]:
    """What a log tells of, in order of time."""
    window = windows.of_day(day)
    if log is logs.DMARC:
        own = DmarcReport.objects.filter(account=account_id, received_at__gte=window.since)
        return own.filter(received_at__lt=window.until).order_by("received_at", "id")
    return selections.happened(account_id, window, (log,), now=timezone.now())


def _records(account_id: int, log: Log, day: date) -> Iterator[Record]:
    rows = _rows(account_id, log, day)
    if log is logs.DMARC:
        return records.of_reports(rows)
    return (record for _, record in records.of_events(rows, (log,)))


def _again(first: Record, rest: Iterator[Record]) -> Iterator[Record]:
    yield first
    yield from rest


def _csv(log: Log, found: Iterable[Record]) -> Iterator[str]:
    for record in found:
        yield _line(record.values())


def _csv_with_names(log: Log, found: Iterable[Record]) -> Iterator[str]:
    yield _line(log.columns)
    yield from _csv(log, found)


def _line(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _json(log: Log, found: Iterable[Record]) -> Iterator[str]:
    for number, record in enumerate(found):
        yield ("," if number else "[") + orjson.dumps(record).decode()
    yield "]"


def _xml(log: Log, found: Iterable[Record]) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<records>'
    for record in found:
        fields = (f"<{name}>{_text(str(value))}</{name}>" for name, value in record.items())
        yield f"<record>{''.join(fields)}</record>"
    yield "</records>\n"


def _text(value: str) -> str:
    # A carriage return would be read as the end of a line.
    return escape(_NOT_XML.sub("\ufffd", value), {"\r": "&#13;"})


_FORMS = {
    "": (_csv, "text/csv; charset=utf-8"),
    "header": (_csv_with_names, "text/csv; charset=utf-8"),
    "json": (_json, "application/json"),
    "xml": (_xml, "application/xml; charset=utf-8"),
}
