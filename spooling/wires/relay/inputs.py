"""Bodies and queries of the wire, read as tolerantly as its clients need it (contract §1.2 to §1.4)."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from earwig import errors as earwig_errors
from earwig import mailboxes, variables
from earwig.web import bodies
from earwig.web import errors as web_errors
from spooling.delivery import errors as delivery_errors
from spooling.delivery import headers as header_fields
from spooling.wires.relay import dates, errors
from spooling.wires.relay.errors import Flaw

#: Items of a page.
FEWEST_ITEMS, MOST_ITEMS, DEFAULT_ITEMS = 5, 200, 20
_MOST_PAGES = 10**9
#: Items before those that are shown; of more, a filter finds them.
MOST_SKIPPED = 100_000
#: Where the calendar begins.
EARLIEST = datetime.min.replace(tzinfo=UTC)
_BLANKS = " \t\r\n"

Pair = tuple[str, str]


def read(body: bytes) -> Fields:
    """The object of a body, whatever its type was said to be (quirk 3). Raises Invalid."""
    body = body.removeprefix(codecs.BOM_UTF8)
    if not body.strip():
        raise errors.invalid("", "Value is required.")
    try:
        data = bodies.load(body)
    except web_errors.InvalidJson as error:
        raise errors.invalid("", error.message) from None
    if data is None:
        raise errors.invalid("", "Value is required.")
    if not isinstance(data, dict):
        raise errors.invalid("", "A JSON object is expected.")
    return Fields(data, [])


class Fields:
    """A JSON object. What is absent or null is the default; what is wrong is noted, named with its path such as
    `attachments[0].type`, and raised by `finish`.
    """

    __slots__ = ("_flaws", "_path", "_values")

    def __init__(self, values: Mapping[str, Any], flaws: list[Flaw], path: str = "") -> None:
        self._values, self._flaws, self._path = values, flaws, path

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def finish(self) -> None:
        """Raises Invalid with everything that was noted."""
        if self._flaws:
            raise errors.Invalid(self._flaws)

    def refuse(self, name: str, detail: str) -> None:
        """Note what is wrong with a member."""
        self._flaws.append(Flaw(f"{self._path}{name}", detail))

    def require(self, name: str) -> None:
        self.refuse(name, f"The {name} field is required.")

    def first(self, *names: str) -> str:
        """Which of the names of a member is used, or the first one."""
        return next((name for name in names if name in self), names[0])

    def value(self, name: str) -> Any:
        """As it came."""
        return self._values.get(name)

    def text(self, name: str, *, required: bool = False, most: int | None = None) -> str:
        """Of a member that is text; numbers are written out, as clients send them for text."""
        value = self._values.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = str(value)
        if value is not None and not isinstance(value, str):
            self.refuse(name, "Text is expected.")
            return ""
        if required and not value:
            self.require(name)
        if value and most is not None and len(value) > most:
            self.refuse(name, f"At most {most} characters.")
        return value or ""

    def line(self, name: str, *, required: bool = False, most: int) -> str:
        """Text that goes into a header."""
        text = self.text(name, required=required, most=most)
        if not text.isprintable() and any(mark in text for mark in "\r\n\0"):
            self.refuse(name, "No line breaks and no null characters.")
        return text

    def email(self, name: str, *, required: bool = False) -> str:
        """An address, as the outbox keeps it."""
        text = self.text(name, required=required).strip(_BLANKS)
        try:
            return mailboxes.normal(text) if text else ""
        except earwig_errors.InvalidAddress as error:
            self.refuse(name, error.message)
            return ""

    def flag(self, name: str) -> bool:
        value = self._values.get(name)
        if value is not None and not isinstance(value, bool):
            self.refuse(name, "true or false is expected.")
        return value is True

    def moment(self, name: str, *, required: bool = False) -> datetime | None:
        """A date with its zone."""
        text = self.text(name, required=required)
        moment = dates.read(text) if text else None
        if text and moment is None:
            self.refuse(name, "A date with an explicit time zone is expected.")
        return moment

    def mapping(self, name: str) -> dict[str, Any]:
        """An object."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, dict):
            self.refuse(name, "An object is expected.")
            return {}
        return value or {}

    def variables(self, name: str, *, most: int) -> dict[str, Any]:
        """An object that templates ask, of at most so many bytes and within the other bounds of variables."""
        values = self.mapping(name)
        if why := variables.flaw(values, most):
            self.refuse(name, why)
            return {}
        return values

    def objects(self, name: str, *, most: int) -> list[Fields]:
        """Of a list of objects."""
        values = self._values.get(name)
        if values is None:
            return []
        if not isinstance(values, list) or len(values) > most:
            self.refuse(name, f"A list of at most {most} is expected.")
            return []
        return [found for number, value in enumerate(values) if (found := self._object(name, number, value))]

    def pairs(self, name: str, *, most: int) -> dict[str, Any]:
        """Of an object, or of a list of `{key, value}`; values that are null are absent."""
        value = self._values.get(name)
        if isinstance(value, list):
            told = [
                (each.text("key", required=True), each.value("value"))
                for each in self.objects(name, most=most)
            ]
        else:
            told = list(self.mapping(name).items())
        if len(told) > most:
            # Each of a million may be wrong.
            self.refuse(name, f"At most {most} are taken.")
            return {}
        return {key: said for key, said in told if key and said is not None}

    def mailbox(self, name: str) -> Pair | None:
        """(name, address) of `{email, name?}`, or of text `a@b` or `Name <a@b>`; None where it is absent or empty."""
        value = self._values.get(name)
        if isinstance(value, dict):
            return Fields(value, self._flaws, f"{self._path}{name}.").person(required=False)
        text = self.text(name).strip(_BLANKS)
        try:
            return mailboxes.parse(text) if text else None
        except earwig_errors.InvalidAddress as error:
            self.refuse(name, error.message)
            return None

    def person(self, *, required: bool = True) -> Pair | None:
        """(name, address) of the members `email` and `name` of this object."""
        email = self.email("email", required=required)
        name = self.line("name", most=mailboxes.MAX_NAME).strip(_BLANKS)
        return (name, email) if email else None

    def header_lines(self, name: str, *, most: int, longest: int) -> tuple[Pair, ...]:
        """Header fields of `pairs`, without those that only the platform writes (quirk 10)."""
        return tuple(self._header_lines(name, most, longest))

    def _header_lines(self, name: str, most: int, longest: int) -> Iterator[Pair]:
        for field, value in self.pairs(name, most=most).items():
            if isinstance(value, (bool, dict, list)):
                self.refuse(f"{name}.{field}"[:200], "Text is expected.")
                continue
            text = str(value)
            try:
                header_fields.check_header(field, text)
            except delivery_errors.HeaderReserved:
                continue
            except delivery_errors.MimeError as error:
                self.refuse(f"{name}.{field}"[:200], str(error))
                continue
            if len(text) > longest:
                self.refuse(f"{name}.{field}"[:200], f"At most {longest} characters.")
            yield field, text

    def _object(self, name: str, number: int, value: Any) -> Fields | None:
        if isinstance(value, dict):
            return Fields(value, self._flaws, f"{self._path}{name}[{number}].")
        self.refuse(f"{name}[{number}]", "An object is expected.")
        return None


class Page(NamedTuple):
    """Which items of a collection, from page 1 on."""

    number: int
    size: int

    @property
    def rows(self) -> slice:
        return slice((self.number - 1) * self.size, self.number * self.size)


def page(query: Mapping[str, str], default: int = DEFAULT_ITEMS) -> Page:
    """`page` and `per_page`. Raises Invalid."""
    number = _integer(query, "page", 1, least=1, most=_MOST_PAGES)
    size = _integer(query, "per_page", default, least=FEWEST_ITEMS, most=MOST_ITEMS)
    if (number - 1) * size > MOST_SKIPPED:
        raise errors.invalid(
            "page", f"It begins behind {MOST_SKIPPED:,} items: use `from`, `to` or a filter."
        )
    return Page(number, size)


def words(query: Mapping[str, str], name: str, *, most: int) -> str:
    """Text to look for, empty for none. Raises Invalid."""
    text = query.get(name, "").strip()
    if len(text) > most or "\0" in text:
        raise errors.invalid(name, f"At most {most} characters, and no null characters.")
    return text


class Window(NamedTuple):
    """A span of time: `start` belongs to it, `end` does not. No start: from ever on."""

    start: datetime | None
    end: datetime


def window(query: Mapping[str, str], *, now: datetime, span: timedelta | None = None) -> Window:
    """`from` and `to` (quirk 7); without `from` it is as long as `span`. Raises Invalid."""
    start, end = _moment(query, "from"), _moment(query, "to")
    end = now if end is None else min(end, now)
    if start is not None and start >= end:
        raise errors.invalid("from", "It must be earlier than `to`.")
    if start is None and span is not None:
        start = end - min(span, end - EARLIEST)
    return Window(start, end)


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name, "")
    moment = dates.read(text, of_query=True) if text else None
    if text and moment is None:
        raise errors.invalid(name, "A date with an explicit time zone is expected.")
    return moment


def _integer(query: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    text = query.get(name, "").strip()
    if not text:
        return default
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else -1
    if not least <= number <= most:
        raise errors.invalid(name, f"A number from {least} to {most} is expected.")
    return number
