"""Cron fields: what they mean, when they come due, how to say it. Pure: no database, no clock (Seed contract §3.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from cronsim import CronSim, CronSimError

#: The wire's fields, with the place of each in a cron line.
FIELDS = {"minute": 0, "hour": 1, "day_of_month": 2, "month_of_year": 3, "day_of_week": 4}
_WHOLE = {"day_of_month": "1-31", "day_of_week": "0-6"}
_BLANKS = re.compile(r"\s+")
_STEPS = re.compile(r"\*/0*([1-9][0-9]*)")
_TO_SUNDAY = re.compile(r"(?<=[A-Z1-6]-)(?<!SUN-)(?:SUN|0)\b")
#: `6-6/2`: one number, whatever the step. The library goes on from there to the end.
_ONE_STEP = re.compile(r"0*([A-Z0-9]+)-0*\1/0*[1-9][0-9]*")
#: Any moment: what a field may hold does not depend on it.
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


class Times(NamedTuple):
    """Five cron fields, as they were written."""

    minute: str = "*"
    hour: str = "*"
    day_of_month: str = "*"
    month_of_year: str = "*"
    day_of_week: str = "*"


class _Schedule(Protocol):
    minute: str
    hour: str
    day_of_month: str
    month_of_year: str
    day_of_week: str


def times_of(schedule: _Schedule) -> Times:
    """The fields of a schedule's row."""
    return Times(*(getattr(schedule, field) for field in Times._fields))


def problems(times: Times) -> dict[str, str]:
    """By field of the wire, why it cannot be read; empty: all can.

    Fields that name no day together (30 February) are no problem: such a schedule never runs.
    """
    found = {}
    for field, text in times._asdict().items():
        try:
            CronSim(_line(Times(**{field: text})), _SOME_DAY)
        except CronSimError:
            found[field] = "Enter a valid cron field."
    return found


def next_run(times: Times, *, after: datetime) -> datetime | None:
    """The first moment in UTC later than `after`; None: none within fifty years. Raises ValueError for bad fields."""
    return next(_moments(times, after), None)


def runs(times: Times, *, after: datetime, until: datetime) -> Iterator[datetime]:
    """Every run later than `after`, up to and including `until`, in UTC."""
    for moment in _moments(times, after):
        if moment > until:
            return
        yield moment


def weekdays(times: Times) -> frozenset[int]:
    """The days that the day-of-week field names: 1 is Monday, 7 is Sunday."""
    named = CronSim(_line(Times(day_of_week=times.day_of_week)), _SOME_DAY).weekdays
    numbers = {item[0] if isinstance(item, tuple) else item for item in named}
    return frozenset(number or 7 for number in numbers)


def in_words(times: Times) -> str:
    """What people read, in English."""
    line = _line(times)
    try:
        return CronSim(line, _SOME_DAY).explain()
    except CronSimError:
        return "Never" if not problems(times) else " ".join(times)


def warnings(times: Times) -> list[str]:
    """What people should know of these fields before they rely on them."""
    line = _line(times).split()
    found = []
    if line[FIELDS["day_of_month"]] != "*" and line[FIELDS["day_of_week"]] != "*":
        found.append("Runs on days that match the day of month or the day of week, not only where both do.")
    if not problems(times) and next_run(times, after=_SOME_DAY) is None:
        found.append("Names no day that ever comes: it never runs.")
    return found


def _moments(times: Times, after: datetime) -> Iterator[datetime]:
    bad = problems(times)
    if bad:
        raise ValueError(f"no cron fields: {', '.join(bad)}")
    try:
        yield from CronSim(_line(times), after.astimezone(UTC))
    except (CronSimError, OverflowError):
        # No month of those named has such a day; or the calendar ends.
        return


def _line(times: Times) -> str:
    """The fields as cronsim takes them: without blanks, upper case, nothing for everything."""
    fields = {name: _BLANKS.sub("", text).upper() or "*" for name, text in times._asdict().items()}
    # `FRI-SUN`: the library counts Sunday as 0 there.
    fields["day_of_week"] = _TO_SUNDAY.sub("7", fields["day_of_week"])
    return " ".join(_field(fields[name], _WHOLE.get(name, "")) for name in FIELDS)


def _field(text: str, whole: str) -> str:
    """One field, its terms one by one. `whole` is given for the two day fields.

    There a step over everything counts as a restriction like any other. The library takes a star in either field for
    "both must match", as Debian's cron does; the contract says either, wherever both are restricted.
    """
    terms = [_ONE_STEP.sub(r"\1", term) if _ONE_STEP.fullmatch(term) else term for term in text.split(",")]
    if not whole:
        return ",".join(terms)
    terms = [_STEPS.sub(rf"{whole}/\1", term) if _STEPS.fullmatch(term) else term for term in terms]
    terms = ["*" if term == f"{whole}/1" else term for term in terms]
    # A star among others stands first, where the library sees it.
    return ",".join(sorted(terms, key=lambda term: term != "*"))
