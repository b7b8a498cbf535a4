"""What a compiled program does with values at run time, off its fast path.

Values are what JSON expresses: str, int, float, bool, None, Mapping, Sequence. Nothing else is touched.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from math import isfinite

from templates_app import errors

#: Above this many bits `str(int)` becomes quadratic work (Python refuses it above 4,300 digits).
_INTEGER_BITS = 4096

#: Gives a value as it is written; its second argument is the room left, in characters.
Writer = Callable[[str, int], str]

#: Up to this many characters one search is faster than five replacements.
_SHORT = 64
_has_special = re.compile("[&<>\"']").search

_ABSENT: Mapping[str, object] = {}


def text(value: object) -> str:
    """A value as printed: numbers as JSON prints them; None, NaN, lists and mappings print nothing."""
    if type(value) is int:
        return _integer(value)
    if type(value) is float:
        return _decimal(value)
    if isinstance(value, str):
        return str.__str__(value)
    if value is None or isinstance(value, Mapping) or _is_list(value):
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    raise errors.UnsupportedValue(f"It is a {type(value).__name__}.")


def _integer(value: int) -> str:
    check_integer(value)
    return int.__repr__(value)


def check_integer(value: int) -> None:
    """Raises RenderLimit for a number that takes long to print."""
    if value.bit_length() > _INTEGER_BITS:
        raise errors.RenderLimit("A number has too many digits.")


def _decimal(value: float) -> str:
    if not isfinite(value):
        return ""
    whole = value.is_integer() and abs(value) < 1e21
    return int.__repr__(int(value)) if whole else float.__repr__(value)


def items(value: object, most: int) -> Sequence[object]:
    """What a section repeats over: a list's items, any other true value by itself, nothing for a false one.

    False, None, 0, NaN and "" are false; an empty mapping is true. At most `most` + 1 items are copied.
    """
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, str):
        return (value,) if value else ()
    if isinstance(value, Mapping):
        return (value,)
    if _is_list(value):
        return tuple(islice(_iterable(value), most + 1))
    if value is None or isinstance(value, int | float):
        return (value,) if value and value == value else ()
    raise errors.UnsupportedValue(f"It is a {type(value).__name__}.")


def scope(value: object) -> Mapping[str, object]:
    """The names that an item brings into its section: a mapping's own, none for anything else."""
    return value if isinstance(value, Mapping) else _ABSENT


def find(name: str, scopes: Iterable[Mapping[str, object]]) -> object:
    """The value of `name` in the first scope that has it, or None."""
    for names in scopes:
        if name in names:
            return names[name]
    return None


def walk(value: object, path: Iterable[str]) -> object:
    """The value below `value` by mapping keys alone, or None."""
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    return value


def escaped(value: str, room: int) -> str:
    """HTML-escaped `value`; raises RenderLimit before it builds more than `room` characters."""
    if len(value) > room // 6:
        _check_escaped_size(value, room)
    elif len(value) <= _SHORT and not _has_special(value):
        return value
    return (
        value.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
        .replace("'", "&#39;")
    )


def plain(value: str, room: int) -> str:
    """`value`; raises RenderLimit when it is longer than `room`."""
    if len(value) > room:
        too_much_output()
    return value


def shown(group: Sequence[str], writers: Sequence[Writer], room: int) -> tuple[Sequence[str], int]:
    """Each value as its writer gives it, and the room that is left; raises RenderLimit when there is none."""
    written = []
    for value, writer in zip(group, writers, strict=True):
        written.append(writer(value, room))
        room -= len(written[-1])
    if room < 0:
        too_much_output()
    return written, room


def too_much_output() -> None:
    """Raises RenderLimit."""
    raise errors.RenderLimit("It gives too much output.")


def exhausted(steps: int) -> None:
    """Raises RenderLimit for what has gone below zero: the steps, or else the room."""
    if steps < 0:
        too_many_steps()
    too_much_output()


def too_many_steps() -> None:
    """Raises RenderLimit."""
    raise errors.RenderLimit("It takes too many steps.")


def _check_escaped_size(value: str, room: int) -> None:
    angles = value.count("<") + value.count(">")
    growth = 4 * (value.count("&") + value.count("'")) + 3 * angles + 5 * value.count('"')
    if len(value) + growth > room:
        too_much_output()


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview)


def _iterable(value: object) -> Iterable[object]:
    assert isinstance(value, Sequence)
    return value
