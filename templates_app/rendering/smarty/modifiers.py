"""SMTPeter's modifiers (its contract §4.4). Those for texts leave lists and mappings alone, those that count give 0.
Each is given the budget, the value and its arguments, and pays for what it reads and writes before it does so.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from templates_app.rendering import operations, values
from templates_app.rendering.expressions import Call, Expression
from templates_app.rendering.operations import Budget, is_container, truth, whole
from templates_app.rendering.smarty import patterns

_BLANKS = " \t\n\r\0\x0b"
_LINE_END = re.compile(r"\r\n|\r|\n")
_has_letter = re.compile(r"[0-9A-Za-z\x80-\U0010ffff]").search
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]+")
#: Characters that one may become at most, where it may become more than another.
_URL_GROWTH = 12
_HTML_GROWTH = 6


@dataclass(frozen=True, slots=True)
class Modifier:
    """Without `least` arguments it has no effect; beyond `most` they have none."""

    function: Callable[..., Any]
    least: int = 0
    most: int = 0


def applied(name: str, value: Expression, arguments: Sequence[Expression]) -> Expression:
    """The expression of a modified value; the value itself for a modifier that is not there."""
    modifier = MODIFIERS.get(name)
    if modifier is None or len(arguments) < modifier.least:
        return value
    given = (value, *arguments[: modifier.most])
    return patterns.prepared(given) if name == "regex_replace" else Call(modifier.function, given)


def _of_text(function: Callable[..., object], growth: int = 1) -> Callable[..., object]:
    """`function` for texts, whose result is at most `growth` times as long."""

    def modified(budget: Budget, value: object, *arguments: object) -> object:
        if is_container(value):
            return value
        text = values.text(value)
        budget.take(len(text) * (1 + growth))
        return function(text, *arguments)

    return modified


def _counting(function: Callable[..., int], weight: int = 1) -> Callable[..., int]:
    def counted(budget: Budget, value: object, *arguments: object) -> int:
        if is_container(value):
            return 0
        text = values.text(value)
        budget.take(len(text) * weight)
        return function(text, *arguments)

    return counted


def _hashing(algorithm: str) -> Callable[[Budget, object], str]:
    """The hash of a text; of a container, of its values one after the other."""

    def hashed(budget: Budget, value: object) -> str:
        digest = hashlib.new(algorithm, usedforsecurity=False)
        pending = [value]
        while pending:
            value = pending.pop()
            budget.take(0)
            if is_container(value):
                budget.take(operations.count_of(value) * operations.CALL)
                pending += reversed(operations.elements(value, operations.count_of(value)))
            else:
                text = values.text(value)
                budget.take(len(text))
                digest.update(text.encode("utf-8", "replace"))
        return digest.hexdigest()

    return hashed


def _cat(budget: Budget, value: object, *more: object) -> str:
    texts = ["" if is_container(value) else values.text(value), *map(values.text, more)]
    budget.take(2 * sum(map(len, texts)))
    return "".join(texts)


def _count(budget: Budget, value: object) -> int:
    budget.take(0)
    return operations.count_of(value) if is_container(value) else 0


def _default(budget: Budget, value: object, instead: object) -> object:
    budget.take(0)
    return instead if value is None or value == "" else value


def _range(budget: Budget, value: object, first: object, *rest: object) -> object:
    """The items from one position to before another; one argument is the end."""
    if not is_container(value):
        return value
    start, end = (whole(first), whole(rest[0])) if rest else (0, whole(first))
    start, end = max(start, 0), max(end, 0)
    budget.take(min(end, operations.count_of(value)))
    if isinstance(value, Mapping):
        return dict(islice(value.items(), start, max(start, end)))
    assert isinstance(value, Sequence)
    return list(value[start:end])


def _escape(budget: Budget, value: object, kind: object = "html") -> object:
    name = values.text(kind)
    return _ESCAPES[name](budget, value) if name in _ESCAPES else value


def _html(budget: Budget, value: object) -> object:
    if is_container(value):
        return value
    text = values.text(value)
    budget.take(2 * len(text))
    return values.escaped(text, max(budget.left, 0))


def _indent(budget: Budget, value: object, times: object = 1, character: object = " ") -> object:
    if is_container(value):
        return value
    text, mark = values.text(value), values.text(character)
    number = max(whole(times), 0)
    budget.take(len(text) + (1 + text.count("\n")) * len(mark) * number)
    indentation = mark * number if mark else ""
    return indentation + text.replace("\n", "\n" + indentation)


def _replace(budget: Budget, value: object, old: object, new: object) -> object:
    if is_container(value):
        return value
    text, searched, instead = values.text(value), values.text(old), values.text(new)
    if not searched:
        return text
    budget.take(2 * len(text) + text.count(searched) * len(instead))
    return text.replace(searched, instead)


def _spacify(budget: Budget, value: object, separator: object = " ") -> object:
    if is_container(value):
        return value
    text, between = values.text(value), values.text(separator)
    budget.take(len(text) * (2 + len(between)))
    return between.join(text)


def _strstr(text: str, needle: object, before: object = False) -> str:
    position = text.find(values.text(needle))
    if position < 0:
        return ""
    return text[:position] if truth(before) else text[position:]


def _substr(text: str, start: object, length: object = None) -> str:
    """As PHP's: what is negative counts from the end."""
    first = whole(start)
    first = max(first + len(text), 0) if first < 0 else first
    if length is None:
        return text[first:]
    most = whole(length)
    return text[first : first + most] if most >= 0 else text[first : max(len(text) + most, 0)]


def _truncate(
    budget: Budget, value: object, length: object = 80, etc: object = "...", *rest: object
) -> object:
    """At most `length` characters with `etc` among them; a word stays whole unless the last argument is true."""
    if is_container(value):
        return value
    text, most, mark = values.text(value), whole(length), values.text(etc)
    budget.take(2 * min(len(text), max(most, 0)) + len(mark))
    if most <= 0:
        return ""
    if len(text) <= most:
        return text
    most -= min(most, len(mark))
    kept = text[:most] if rest and truth(rest[0]) else _whole_words(text[: most + 1])[:most]
    return kept + mark


def _whole_words(text: str) -> str:
    """Without the last word and the blanks before it, where there are any."""
    if text[-1:].isspace():
        return text.rstrip()
    words = text.rsplit(None, 1)
    return words[0] if len(words) > 1 else text if not text[:1].isspace() else ""


def _characters(text: str, blanks: object = False) -> int:
    return len(text) if truth(blanks) else sum(map(len, text.split()))


def _words(text: str) -> int:
    return sum(1 for word in text.split() if _has_letter(word))


def _decoded(text: str) -> str:
    """What is no base64 is passed over, as PHP does."""
    letters = _NOT_BASE64.sub("", text)
    letters = letters[:-1] if len(letters) % 4 == 1 else letters
    return base64.b64decode(letters + "=" * (-len(letters) % 4)).decode("utf-8", "replace")


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "replace")).decode()


def _url(text: str) -> str:
    return quote_plus(text, safe="", errors="replace").replace("~", "%7E")


def _upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


_lower, _upper = _of_text(str.lower, 3), _of_text(str.upper, 3)
_base64, _urlencode = _of_text(_encoded, 6), _of_text(_url, _URL_GROWTH)
_ESCAPES: dict[str, Callable[..., object]] = {"html": _html, "url": _urlencode, "base64": _base64}

HASHES = {name: _hashing(name) for name in ("md5", "sha1", "sha256", "sha512")}

MODIFIERS = {
    "base64_decode": Modifier(_of_text(_decoded)),
    "base64_encode": Modifier(_base64),
    "cat": Modifier(_cat, 1, 50),
    "count": Modifier(_count),
    "count_characters": Modifier(_counting(_characters, 4), 0, 1),
    "count_paragraphs": Modifier(_counting(lambda text: len(_LINE_END.findall(text)), 4)),
    "count_words": Modifier(_counting(_words, 4)),
    "default": Modifier(_default, 1, 1),
    "escape": Modifier(_escape, 0, 1),
    "indent": Modifier(_indent, 0, 2),
    "lower": Modifier(_lower),
    "md5": Modifier(HASHES["md5"]),
    "nl2br": Modifier(_of_text(lambda text: _LINE_END.sub("<br />", text), _HTML_GROWTH)),
    "range": Modifier(_range, 1, 2),
    "regex_replace": Modifier(patterns.replaced, 2, 2),
    "replace": Modifier(_replace, 2, 2),
    "sha1": Modifier(HASHES["sha1"]),
    "spacify": Modifier(_spacify, 0, 1),
    "strlen": Modifier(_counting(len)),
    "strstr": Modifier(_of_text(_strstr), 1, 2),
    "substr": Modifier(_of_text(_substr), 1, 2),
    "tolower": Modifier(_lower),
    "toupper": Modifier(_upper),
    "trim": Modifier(_of_text(lambda text, marks=_BLANKS: text.strip(values.text(marks))), 0, 1),
    "truncate": Modifier(_truncate, 0, 3),
    "ucfirst": Modifier(_of_text(_upper_first)),
    "upper": Modifier(_upper),
    "urldecode": Modifier(_of_text(lambda text: unquote_plus(text, errors="replace"))),
    "urlencode": Modifier(_urlencode),
}
