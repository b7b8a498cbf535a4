"""Spans of whole days in UTC, as clients ask for them (quirk 17). Pure."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from spooling.wires.smtpeter import errors

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII)
#: Further days are nobody's, and months are counted from them.
_FIRST, _LAST = date(1970, 1, 1), date(2999, 12, 31)


class Window(NamedTuple):
    """From the first moment on, to before the second one."""

    since: datetime
    until: datetime


def of_day(day: date) -> Window:
    return _window(day, day + timedelta(days=1))


def read(query: Mapping[str, str], *, today: date, sent_on: date | None = None) -> Window:
    """The days that `start` and `end`, the first one after, name: a month at most. Without both, the month from
    `sent_on` on, or the last one with today. Raises InvalidField.
    """
    start, end = _day_of(query, "start"), _day_of(query, "end")
    if start is None and end is None and sent_on is not None:
        start = sent_on
    if start is None:
        end = end or today + timedelta(days=1)
        return _window(month_from(end, -1), end)
    latest = month_from(start, 1)
    if end is not None and end <= start:
        raise errors.InvalidField("end", "It is after start: the first day that is not asked for.")
    return _window(start, min(end or latest, latest))


def month_from(day: date, months: int) -> date:
    """The same day so many months on, or the last one of a month that has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def day_of(text: str) -> date | None:
    """A day as `YYYY-MM-DD`; None for any other text, and for one out of our time."""
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None
    return day if day is not None and _FIRST <= day <= _LAST else None


def moment_of(text: str) -> datetime | None:
    """A moment in UTC as `YYYY-MM-DD hh:mm:ss`, or the beginning of a day; None for any other text."""
    day = day_of(text[:10])
    try:
        told = time.fromisoformat(text[11:]) if _MOMENT.fullmatch(text) else time()
    except ValueError:
        return None
    return datetime.combine(day, told, UTC) if day and len(text) in (10, 19) else None


def written(moment: datetime) -> str:
    """As all answers have it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _day_of(query: Mapping[str, str], name: str) -> date | None:
    text = query.get(name, "").strip()
    if not text:
        return None
    day = day_of(text)
    if day is None:
        raise errors.InvalidField(name, "A day as YYYY-MM-DD.")
    return day


def _window(first: date, after: date) -> Window:
    return Window(datetime.combine(first, time(), UTC), datetime.combine(after, time(), UTC))
