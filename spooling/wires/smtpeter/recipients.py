"""Whom a send goes to, in all the shapes that clients write it in (contract §4.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from earwig import errors as earwig_errors
from earwig import mailboxes
from earwig import variables as bounds
from spooling.wires.smtpeter.inputs import Properties

#: Of one call.
MOST = 1000


@dataclass(frozen=True, slots=True)
class Recipient:
    """A pure address, and what is said to it alone."""

    email: str
    data: Mapping[str, Any] = field(default_factory=dict)


def read(properties: Properties) -> list[Recipient]:
    """At least one and at most MOST, each once: the first data of an address count. Raises InvalidField."""
    found: dict[str, Recipient] = {}
    for name in ("recipient", "recipients"):
        for path, text, data in _pairs(properties, name):
            email = _pure(properties, path, text)
            found.setdefault(email, Recipient(email, _data(properties, path, data)))
            if len(found) > MOST:
                raise properties.invalid(name, f"At most {MOST} recipients in one call.")
    if not found:
        raise properties.invalid("recipient", "At least one is needed.")
    return list(found.values())


def _pairs(properties: Properties, name: str) -> Iterator[tuple[str, str, Any]]:
    """Each address with its path and its data."""
    _, value = properties.given(name)
    if isinstance(value, dict) and not all(key.isdecimal() for key in value):
        yield from _keyed(name, value)
        return
    for place, entry in enumerate(properties.members(name)):
        path = f"{name}[{place}]"
        if isinstance(entry, dict):
            yield from _keyed(path, entry)
        elif isinstance(entry, str):
            yield from ((path, text, None) for text in entry.split(",") if text.strip())
        else:
            raise properties.invalid(path, "An address is expected.")


def _keyed(path: str, value: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    yield from ((path, text, data) for text, data in value.items())


def _pure(properties: Properties, path: str, text: str) -> str:
    try:
        return mailboxes.normal(text.strip())
    except earwig_errors.InvalidAddress as error:
        raise properties.invalid(path, error.message) from None


def _data(properties: Properties, path: str, data: Any) -> Mapping[str, Any]:
    if data in (None, "", []):
        return {}
    if not isinstance(data, dict):
        raise properties.invalid(path, "The data of a recipient are an object.")
    if why := bounds.flaw(data, bounds.OF_A_MAIL):
        raise properties.invalid(path, f"The data of a recipient: {why}")
    return data
