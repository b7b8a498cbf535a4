"""The properties of a call, read as tolerantly as clients need it (contract §1, §4.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from earwig import variables as bounds
from spooling.wires.smtpeter import errors

#: Of one list.
MOST_MEMBERS = 100_000
_FLAGS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off", ""), False),
}


class Properties:
    """The properties of an object. A null is absent (quirk 6); what has a wrong type raises InvalidField, which names
    it with its path, such as `attachments[3].url`. Of several names of one property the first that is given counts.
    """

    __slots__ = ("_path", "values")

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self.values, self._path = values, path

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def path(self, name: str) -> str:
        """What errors call a property of this object."""
        return f"{self._path}{name}"

    def invalid(self, name: str, reason: str) -> errors.InvalidField:
        """To raise for a property of this object."""
        return errors.InvalidField(self.path(name), reason)

    def given(self, *names: str) -> tuple[str, Any]:
        """The first of these names that is there, and its value; the last one and None where none is."""
        for name in names:
            if name in self:
                return name, self.values[name]
        return names[-1], None

    def text(self, *names: str, default: str = "") -> str:
        """Numbers are written out."""
        name, value = self.given(*names)
        return default if value is None else self._text(name, value)

    def flag(self, *names: str, default: bool) -> bool:
        """JSON's, or in words (contract §4.1)."""
        name, value = self.given(*names)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        flag = _FLAGS.get(str(value).strip().lower()) if isinstance(value, (str, int)) else None
        if flag is None:
            raise self.invalid(name, "A boolean is expected.")
        return flag

    def members(self, *names: str) -> list[Any]:
        """Of a list, or of an object with numbers for keys as forms and PHP write lists with gaps; one value alone is a
        list of one. Nulls are left out. Raises InvalidField for more than MOST_MEMBERS.
        """
        name, value = self.given(*names)
        if isinstance(value, (dict, list)) and len(value) > MOST_MEMBERS:
            raise self.invalid(name, f"At most {MOST_MEMBERS:,}.")
        if isinstance(value, dict) and all(key.isdecimal() for key in value):
            value = list(value.values())
        if value is None or value == "":
            return []
        return [inner for inner in value if inner is not None] if isinstance(value, list) else [value]

    def texts(self, *names: str) -> list[str]:
        name, _ = self.given(*names)
        return [self._text(f"{name}[{place}]", value) for place, value in enumerate(self.members(*names))]

    def mapping(self, *names: str) -> dict[str, Any]:
        """Of an object with any values. An empty list is an object too, as PHP writes it."""
        name, value = self.given(*names)
        if value in (None, [], ""):
            return {}
        if not isinstance(value, dict):
            raise self.invalid(name, "An object is expected.")
        return value

    def variables(self, name: str) -> dict[str, Any]:
        """Of an object that templates ask, within the bound of contents."""
        values = self.mapping(name)
        if why := bounds.flaw(values, bounds.OF_A_CONTENT):
            raise self.invalid(name, why)
        return values

    def inner(self, *names: str) -> Properties:
        """The properties of an inner object."""
        name, _ = self.given(*names)
        return Properties(self.mapping(*names), f"{self.path(name)}.")

    def objects(self, *names: str) -> list[Properties]:
        """Of a list of objects; each names its properties as `name[place].property`."""
        name, _ = self.given(*names)
        found = []
        for place, value in enumerate(self.members(*names)):
            if not isinstance(value, dict):
                raise self.invalid(f"{name}[{place}]", "An object is expected.")
            found.append(Properties(value, f"{self.path(name)}[{place}]."))
        return found

    def _text(self, name: str, value: Any) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, (bool, dict, list)) or value is None:
            raise self.invalid(name, "A text is expected.")
        return json.dumps(value)
