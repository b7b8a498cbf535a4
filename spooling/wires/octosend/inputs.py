"""The parameters of a call, read as tolerantly as clients need it (contract §1, §4, §22)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from earwig import variables
from earwig.web import bodies
from earwig.web import errors as web_errors
from spooling.wires.octosend import errors

#: Rows of one answer.
MOST_ROWS = 100_000
DEFAULT_ROWS = 100
#: Of one list.
MOST_TEXTS = 100_000
_MOST_INTEGER = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Seconds of the last moment that a date can name, and of the first.
LAST_SECOND = int((datetime.max.replace(tzinfo=UTC) - _EPOCH).total_seconds()) - 1
_FIRST_SECOND = int((datetime.min.replace(tzinfo=UTC) - _EPOCH).total_seconds())

#: The quick parser rounds what may take more than 64 bits.
_LONG_INTEGER, _AS_ZEROS = b"0" * 20, bytes.maketrans(b"123456789", b"0" * 9)
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_FLAGS = {
    "yes": True,
    "true": True,
    "on": True,
    "1": True,
    "no": False,
    "false": False,
    "off": False,
    "0": False,
}


class Page(NamedTuple):
    """Which rows of a list, and from which end."""

    limit: int
    offset: int
    reverse: bool

    @property
    def rows(self) -> slice:
        return slice(self.offset, self.offset + self.limit)


def read(body: bytes) -> Parameters:
    """The parameters of a body (quirk 1). Raises InvalidJson, and Refused for another value than an object."""
    if not body.strip():
        return Parameters({})
    data = _loaded(body)
    if data is None or data == []:
        return Parameters({})
    if not isinstance(data, dict):
        raise errors.Refused("invalid-json", "The body is no JSON object.")
    return Parameters(data)


def _loaded(body: bytes) -> Any:
    bodies.require_sparse(body)
    # The quick parser also takes what no database stores.
    if b"\\u0000" in body or _LONG_INTEGER in body.translate(_AS_ZEROS):
        return bodies.load(body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise web_errors.InvalidJson from None


def moment_of(seconds: int) -> datetime:
    """The moment so many seconds after 1970, or the nearest one that a date can name."""
    return _EPOCH + timedelta(seconds=min(max(seconds, _FIRST_SECOND), LAST_SECOND))


class Parameters:
    """A JSON object. What is absent or null is the default; what has a wrong type raises MissingField or InvalidField,
    which name it with its path, such as `mails[3].email`.
    """

    __slots__ = ("_path", "_values")

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self._values, self._path = values, path

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def path(self, name: str) -> str:
        """What errors call a field of this object."""
        return f"{self._path}{name}"

    def invalid(self, name: str, reason: str) -> errors.InvalidField:
        """To raise for a field of this object."""
        return errors.InvalidField(self.path(name), reason)

    def require(self, *names: str) -> None:
        """Raises MissingField for the first absent field."""
        for name in names:
            if name not in self:
                raise errors.MissingField(self.path(name))

    def text(self, name: str, *, required: bool = False, most: int | None = None) -> str:
        if required:
            self.require(name)
        value = self._values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.invalid(name, "A string is expected.")
        if most is not None and len(value) > most:
            raise self.invalid(name, f"At most {most} characters.")
        return value

    def integer(self, name: str, default: int, *, least: int | None = None, most: int = _MOST_INTEGER) -> int:
        """Whole; a fraction is dropped (quirk 6)."""
        value = self._values.get(name)
        if value is None:
            return default
        number = _integer(value)
        if number is None or abs(number) > _MOST_INTEGER:
            raise self.invalid(name, "An integer is expected.")
        if least is not None and number < least:
            raise self.invalid(name, f"At least {least}.")
        if number > most:
            raise self.invalid(name, f"At most {most}.")
        return number

    def moment(self, name: str) -> datetime | None:
        """Of unix seconds; None for 0 (quirk 7). For a lower bound: `__gte`."""
        seconds = self.integer(name, 0)
        return moment_of(seconds) if seconds else None

    def until(self, name: str) -> datetime | None:
        """The end of the second that an upper bound names (quirk 9), None for 0: for `__lt`."""
        seconds = self.integer(name, 0)
        return moment_of(seconds + 1) if seconds else None

    def flag(self, name: str, default: bool | None = None) -> bool | None:
        value = self._values.get(name)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        flag = _FLAGS.get(value.strip().lower()) if isinstance(value, str) else None
        if flag is None and isinstance(value, (int, float)) and value in (0, 1):
            flag = bool(value)
        if flag is None:
            raise self.invalid(name, "A boolean is expected.")
        return flag

    def texts(self, name: str) -> list[str]:
        """Of a list of strings, or of an object with such values (quirk 5); numbers are written out."""
        values = self.members(name)
        if len(values) > MOST_TEXTS:
            raise self.invalid(name, f"At most {MOST_TEXTS:,}.")
        for position, value in enumerate(values):
            if isinstance(value, (dict, list, bool)) or value is None:
                raise self.invalid(f"{name}[{position}]", "A string is expected.")
        return [_written(value) for value in values]

    def mapping(self, name: str) -> dict[str, str]:
        """Of an object of strings; numbers and booleans are written out, nulls left out."""
        values = self._values.get(name)
        if values is None or values == []:
            return {}
        if not isinstance(values, dict):
            raise self.invalid(name, "An object is expected.")
        if len(values) > variables.MOST_VALUES:
            raise self.invalid(name, f"At most {variables.MOST_VALUES:,} values.")
        for key, value in values.items():
            if isinstance(value, (dict, list)):
                raise self.invalid(f"{name}.{key}", "A string is expected.")
        return {key: _written(value) for key, value in values.items() if value is not None}

    def objects(self, name: str) -> list[Parameters]:
        """Of a list of objects; each names its fields as `name[position].field`."""
        found = []
        for position, value in enumerate(self.members(name)):
            if value == []:
                # As PHP writes an object without fields.
                value = {}
            if not isinstance(value, dict):
                raise self.invalid(f"{name}[{position}]", "An object is expected.")
            found.append(Parameters(value, f"{self._path}{name}[{position}]."))
        return found

    def page(self, default: int = DEFAULT_ROWS) -> Page:
        """`limit`, `offset` and `reverse`. More than MOST_ROWS are refused and never clamped (quirk 8)."""
        limit = self.integer("limit", default, least=0, most=MOST_ROWS)
        offset = self.integer("offset", 0, least=0)
        # Beyond the end is beyond the end, also where the database's integers end.
        return Page(limit, min(offset, _MOST_INTEGER - MOST_ROWS), bool(self.flag("reverse")))

    def members(self, name: str) -> list[Any]:
        """Of a list, or of an object (quirk 5)."""
        values = self._values.get(name)
        if isinstance(values, dict):
            return list(values.values())
        if values is None or isinstance(values, list):
            return values or []
        raise self.invalid(name, "A list is expected.")


def _integer(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return math.floor(value) if math.isfinite(value) else None
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    return None


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
