"""What expressions do with values at run time: truth, numbers, comparisons, items; each pays for its work.
The rules are PHP's, on which Smarty stands, where SMTPeter's documents say nothing.
"""

import math
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NoReturn

from templates_app import errors
from templates_app.rendering import values

#: What a call costs over and above the characters that it reads and writes.
CALL = 64

Number = int | float

_NUMBER = re.compile(
    r"[ \t\r\n]*+[+-]?(?:\d{1,300}+(?:\.\d{0,300}+)?|\.\d{1,300}+)(?:[eE][+-]?\d{1,4}+)?[ \t\r\n]*+"
)
_INTEGER = re.compile(r"[ \t\r\n]*+[+-]?\d{1,18}+[ \t\r\n]*+")
_POSITION = re.compile(r"\d{1,9}")
#: Bits of the largest integer; larger numbers are decimal.
_INTEGER_BITS = 63
#: Digits that a computed decimal keeps: 0.1 + 0.2 is 0.3.
_DIGITS = 15


class Budget:
    """What the calls of one rendering may take, in characters read and written. Its verbs raise RenderLimit."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps * CALL

    def take(self, characters: int) -> None:
        """Pays for a call."""
        self.pay(CALL + characters)

    def pay(self, characters: int) -> None:
        self.left -= characters
        if self.left < 0:
            values.too_many_steps()


def truth(value: object) -> bool:
    """False, null, 0, "", "0" and what holds nothing are false."""
    if isinstance(value, str):
        return value != "" and value != "0"
    if value is None or isinstance(value, int | float):
        return bool(value) and value == value
    return count_of(value) > 0


def count_of(value: object) -> int:
    """How many items a list or a mapping has. Raises UnsupportedValue for whatever is neither."""
    if is_container(value):
        return len(value)  # type: ignore[arg-type]
    return _refuse(value)


def is_container(value: object) -> bool:
    return isinstance(value, list | dict | Mapping) or (
        isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview)
    )


def number(value: object) -> Number:
    """A value as a number; whatever is none counts as 0."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value if value.bit_length() <= _INTEGER_BITS else _decimal_of(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else 0
    if isinstance(value, str) and len(value) < 1000 and _NUMBER.fullmatch(value):
        return int(value) if _INTEGER.fullmatch(value) else number(float(value))
    return 0


def whole(value: object) -> int:
    """A value as a whole number, cut towards 0."""
    return int(number(value))


def added(budget: Budget, left: object, right: object) -> Number:
    budget.take(0)
    return _result(number(left) + number(right))


def subtracted(budget: Budget, left: object, right: object) -> Number:
    budget.take(0)
    return _result(number(left) - number(right))


def multiplied(budget: Budget, left: object, right: object) -> Number:
    budget.take(0)
    return _result(number(left) * number(right))


def divided(budget: Budget, left: object, right: object) -> Number:
    """Whole where it is without remainder. Raises RenderFailed for 0."""
    budget.take(0)
    above, below = number(left), number(right)
    if not below:
        raise errors.RenderFailed("It divides by 0.")
    if isinstance(above, int) and isinstance(below, int) and above % below == 0:
        return _result(above // below)
    return _result(float(above) / float(below))


def remainder(budget: Budget, left: object, right: object) -> Number:
    """Of whole numbers, with the sign of the left one. Raises RenderFailed for 0."""
    budget.take(0)
    above, below = whole(left), whole(right)
    if not below:
        raise errors.RenderFailed("It divides by 0.")
    return _result(abs(above) % abs(below) * (-1 if above < 0 else 1))


def equal(budget: Budget, left: object, right: object) -> bool:
    """Texts are equal by their characters, numbers and texts of numbers by value; null and booleans by their truth."""
    budget.take(0)
    if isinstance(left, str | None) and isinstance(right, str | None):
        budget.take(min(len(left or ""), len(right or "")) // CALL)
        return (left or "") == (right or "")
    if isinstance(left, bool | None) or isinstance(right, bool | None):
        return truth(left) == truth(right)
    if is_container(left) or is_container(right):
        return is_container(left) and is_container(right) and _same_items(budget, left, right)
    return _ordered(budget, left, right) == 0


def unequal(budget: Budget, left: object, right: object) -> bool:
    return not equal(budget, left, right)


def less(budget: Budget, left: object, right: object) -> bool:
    return _ordered(budget, left, right) == -1


def at_most(budget: Budget, left: object, right: object) -> bool:
    return _ordered(budget, left, right) in (-1, 0)


def more(budget: Budget, left: object, right: object) -> bool:
    return _ordered(budget, left, right) == 1


def at_least(budget: Budget, left: object, right: object) -> bool:
    return _ordered(budget, left, right) in (0, 1)


def item(budget: Budget, holder: object, key: object) -> object:
    """What a list has at a position, a mapping at a key or else at a position, from 0. None where there is nothing."""
    if not is_container(holder):
        return None
    name = key if isinstance(key, str) else values.text(key)
    if isinstance(holder, Mapping) and name in holder:
        return holder[name]
    if not _POSITION.fullmatch(name) or int(name) >= len(holder):  # type: ignore[arg-type]
        return None
    if isinstance(holder, Mapping):
        budget.take(int(name))
        return next(islice(holder.values(), int(name), None))
    return holder[int(name)]  # type: ignore[index]


def elements(value: object, most: int) -> Sequence[object]:
    """What a loop goes over: the items of a list, the values of a mapping, nothing in whatever else.

    At most `most` + 1 items are copied.
    """
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, Mapping):
        return list(islice(value.values(), most + 1))
    return values.items(value, most) if is_container(value) else ()


def pairs(value: object, most: int) -> Sequence[tuple[object, object]]:
    """As `elements`, each with its key, or with its position."""
    if isinstance(value, Mapping):
        return list(islice(value.items(), most + 1))
    return list(islice(enumerate(elements(value, most)), most + 1))


def _ordered(budget: Budget, left: object, right: object) -> int | None:
    """-1, 0 or 1: as numbers where both are, else as texts. None where nothing can be said."""
    budget.take(0)
    if is_container(left) or is_container(right):
        return None
    if _is_numeric(left) and _is_numeric(right):
        first, second = number(left), number(right)
        return (first > second) - (first < second)
    one, other = values.text(left), values.text(right)
    budget.take(min(len(one), len(other)) // CALL)
    return (one > other) - (one < other)


def _is_numeric(value: object) -> bool:
    if isinstance(value, str):
        return len(value) < 1000 and bool(_NUMBER.fullmatch(value))
    return value is None or isinstance(value, int | float)


def _same_items(budget: Budget, left: object, right: object) -> bool:
    """Whether two containers print the same keys and values, however deep they are."""
    pending = [(left, right)]
    while pending:
        one, other = pending.pop()
        budget.take(0)
        if is_container(one) != is_container(other):
            return False
        if not is_container(one):
            if not equal(budget, one, other):
                return False
            continue
        if count_of(one) != count_of(other):
            return False
        budget.take(count_of(one) * CALL)
        here, there = dict(pairs(one, count_of(one))), dict(pairs(other, count_of(other)))
        if here.keys() != there.keys():
            return False
        pending += [(value, there[key]) for key, value in here.items()]
    return True


def _result(computed: Number) -> Number:
    if isinstance(computed, int):
        return computed if computed.bit_length() <= _INTEGER_BITS else _decimal_of(computed)
    return _rounded(computed) if math.isfinite(computed) else _overflown()


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _decimal_of(value: int) -> float:
    return _rounded(float(value)) if value.bit_length() < 1000 else _overflown()


def _overflown() -> NoReturn:
    raise errors.RenderLimit("A number has too many digits.")


def _refuse(value: object) -> NoReturn:
    raise errors.UnsupportedValue(f"It is a {type(value).__name__}.")
