"""Liquid's filters with a price: the library's where they are linear, our own where they are not, or read a clock."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from liquid import Markup
from liquid.builtin.filters import array, extra
from liquid.builtin.filters import math as arithmetic
from liquid.builtin.filters import misc, string
from liquid.filter import liquid_filter, sequence_filter, string_filter, with_environment

from templates_app import errors
from templates_app.rendering import values
from templates_app.rendering.liquid import printing
from templates_app.rendering.liquid.charges import Context

Filter = Callable[..., Any]

#: Characters of the longest text that a filter takes; some give ten times as many.
LONGEST_TEXT = 65_536

_MOST_DIGITS = 15
_LONGEST_FORMAT = 100
_NUMBER = re.compile(r"\s*([+-]?\d{1,100})(\.\d{1,100})?\s*", re.ASCII)
_HTML_TAG = re.compile(r"<[^<>]*+>")


def paid(function: Filter) -> Filter:
    """`function` for texts of LONGEST_TEXT at most; pays for what it is given and for what it gives."""

    def call(value: object, *arguments: object, context: Context, **named: object) -> object:
        context.budget.step()
        for given in (value, *arguments, *named.values()):
            if isinstance(given, str) and len(given) > LONGEST_TEXT:
                raise errors.RenderLimit(f"A filter is given more than {LONGEST_TEXT} characters.")
            context.budget.read(given)
        if getattr(function, "with_environment", False):
            named["environment"] = context.env
        result = function(value, *arguments, **named)
        context.budget.read(result)
        return result

    call.with_context = True  # type: ignore[attr-defined]
    return call


def _of_numbers(function: Filter) -> Filter:
    """`function` for numbers; whatever else it is given counts as the number that it reads as, or 0."""

    def call(*arguments: object) -> object:
        return function(*map(_number, arguments))

    return call


def _number(value: object) -> int | float:
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else 0
    match = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return 0
    return float(match[0]) if match[2] else int(match[1])


def _round(value: object, digits: object = 0) -> object:
    return arithmetic.round_(_number(value), min(max(int(_number(digits)), 0), _MOST_DIGITS))


@string_filter
def _replace(value: str, old: object, new: object = "") -> str:
    found = value.count(str(old))
    if len(value) + found * len(str(new)) > LONGEST_TEXT * 4:
        values.too_much_output()
    result: str = string.replace(value, old, new)
    return result


@with_environment
@sequence_filter
def _join(items: Sequence[object], separator: object = " ", *, environment: Any) -> str:
    separator = printing.text(separator)
    if len(items) * len(separator) > LONGEST_TEXT * 4:
        values.too_much_output()
    if environment.autoescape and separator == " ":
        separator = Markup(separator)
    return separator.join(map(printing.text, items))


@sequence_filter
def _map(items: Sequence[object], key: object) -> list[object]:
    """What each mapping among `items` has under a key, null for others; the library has a null of its own."""
    return [item.get(str(key)) if isinstance(item, Mapping) else None for item in items]


@string_filter
def _strip_html(value: str) -> str:
    """Without tags. A text again, even where the value was safe: what is left may be a tag."""
    return _HTML_TAG.sub("", str(value))


@sequence_filter
def _uniq(items: Iterable[object], key: object = None) -> list[object]:
    """The library's compares each with each."""
    seen: set[object] = set()
    kept = []
    for item in items:
        identity = _identity(item.get(key) if key is not None and isinstance(item, Mapping) else item)
        if identity not in seen:
            seen.add(identity)
            kept.append(item)
    return kept


def _identity(value: object) -> object:
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, sort_keys=True, default=str)
    return value


@liquid_filter
def _date(value: object, form: object = "") -> object:
    """An ISO 8601 time or epoch seconds in strftime's form, in UTC where it names no zone; else as it is.

    "now" and "today" are no times: a mail says the same whenever it is rendered.
    """
    moment = _moment(value)
    if moment is None or not form or len(str(form)) > _LONGEST_FORMAT:
        return value
    return moment.strftime(str(form))


def _moment(value: object) -> datetime | None:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        moment = datetime.fromisoformat(str(value).strip())
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_TEXTS = {
    **{"append": string.append, "prepend": string.prepend, "replace": _replace, "remove": string.remove},
    **{"replace_first": string.replace_first, "replace_last": string.replace_last},
    **{"remove_first": string.remove_first, "remove_last": string.remove_last},
    **{"capitalize": string.capitalize, "downcase": string.downcase, "upcase": string.upcase},
    **{"strip": string.strip, "lstrip": string.lstrip, "rstrip": string.rstrip, "squish": string.squish},
    **{"strip_html": _strip_html, "strip_newlines": string.strip_newlines},
    **{"newline_to_br": string.newline_to_br, "escape": string.escape, "escape_once": string.escape_once},
    **{"url_encode": string.url_encode, "url_decode": string.url_decode, "safe": extra.safe},
    **{"truncate": string.truncate, "truncatewords": string.truncatewords},
    **{"slice": string.slice_, "split": string.split},
}
_LISTS = {
    **{"join": _join, "first": array.first, "last": array.last, "concat": array.concat, "map": _map},
    **{"reverse": array.reverse, "sort": array.sort, "sort_natural": array.sort_natural, "uniq": _uniq},
    **{"where": array.where, "reject": array.reject, "find": array.find, "find_index": array.find_index},
    **{"has": array.has, "compact": array.compact, "sum": array.sum_, "size": misc.size},
}
_NUMBERS = {
    **{"plus": arithmetic.plus, "minus": arithmetic.minus, "times": arithmetic.times, "abs": arithmetic.abs_},
    **{"divided_by": arithmetic.divided_by, "modulo": arithmetic.modulo},
    **{"ceil": arithmetic.ceil, "floor": arithmetic.floor},
    **{"at_least": arithmetic.at_least, "at_most": arithmetic.at_most},
}
_OTHERS = {"default": misc.default, "date": _date, "round": _round}

FILTERS: dict[str, Filter] = {
    **{name: paid(function) for name, function in (_TEXTS | _LISTS | _OTHERS).items()},
    **{name: paid(_of_numbers(function)) for name, function in _NUMBERS.items()},
}
