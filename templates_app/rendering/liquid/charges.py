"""What a rendering may take, and the context of python-liquid that counts it: steps, values read, output."""

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any, TextIO

from liquid import BoundTemplate, RenderContext, Token
from liquid.ast import Node
from liquid.builtin.expressions.primitive import Blank, Empty, RangeLiteral
from liquid.builtin.tags.for_tag import ForLoop, ForNode
from liquid.expression import Expression
from liquid.undefined import UNDEFINED, Undefined
from liquid.utils import ReadOnlyChainMap

from templates_app import errors
from templates_app.rendering import values
from templates_app.rendering.targets import Limits

#: Characters of the longest value that is read at all.
LONGEST_VALUE = 512 * 1024

_UNITS_OF_STEP = 8  # a node takes as long as reading so many values
_CHARACTERS_OF_UNIT = 32
_SCALARS = (bool, float, type(None))
_OF_LIBRARY = (Undefined, Empty, Blank, ForLoop)


class Budget:
    """What is left of one rendering's steps and output. Its verbs raise RenderLimit when that is nothing."""

    __slots__ = ("units", "room", "steps", "_weights")

    def __init__(self, limits: Limits) -> None:
        self.steps = limits.steps
        self.units = limits.steps * _UNITS_OF_STEP
        self.room = limits.output
        # By id, with the value, which must live as long as its id is known.
        self._weights: dict[int, tuple[object, int]] = {}

    def step(self, times: int = 1) -> None:
        self.take(times * _UNITS_OF_STEP)

    def take(self, units: int) -> None:
        self.units -= units
        if self.units < 0:
            values.too_many_steps()

    def write(self, characters: int) -> None:
        self.room -= characters
        if self.room < 0:
            values.too_much_output()

    def read(self, value: object) -> None:
        """Pays for `value`, whatever is then done with it in linear time. Raises UnsupportedValue, too."""
        self.take(self._weight(value))

    def _weight(self, value: object) -> int:
        """Units of a value with all that it holds, where it holds something twice, twice."""
        if isinstance(value, str):
            return _weight_of_text(value)
        if isinstance(value, _SCALARS):
            return 1
        if isinstance(value, int):
            values.check_integer(value)
            return 1
        known = self._weights.get(id(value))
        if known is None:
            known = self._weights[id(value)] = value, self._weight_of_container(value)
        return known[1]

    def _weight_of_container(self, value: object) -> int:
        if isinstance(value, _OF_LIBRARY):
            return 1
        if isinstance(value, range):
            return len(value)
        if isinstance(value, Mapping):
            return self._sum(value.keys()) + self._sum(value.values())
        if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
            return self._sum(value)
        raise errors.UnsupportedValue(f"It is a {type(value).__name__}.")

    def _sum(self, items: Any) -> int:
        if len(items) > self.units:
            values.too_many_steps()
        total = 1
        for item in items:
            total += self._weight(item)
            if total > self.units:
                values.too_many_steps()
        return total


def _weight_of_text(value: str) -> int:
    if len(value) > LONGEST_VALUE:
        raise errors.RenderLimit(f"A value is longer than {LONGEST_VALUE} characters.")
    return 1 + len(value) // _CHARACTERS_OF_UNIT


class Output(StringIO):
    """A buffer whose characters are paid for; captures have one each, and one budget."""

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self.budget = budget

    def write(self, text: str, /) -> int:
        # In memory, one wide character makes all of them four times as wide.
        self.budget.write(len(text) if text.isascii() else 2 * len(text))
        return super().write(text)


class Context(RenderContext):
    """Names, without the clock that the library would add, and the budget."""

    __slots__ = ("budget", "weight")

    def __init__(self, template: BoundTemplate, variables: Mapping[str, object], budget: Budget) -> None:
        super().__init__(template, globals=variables)
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)
        self.budget = budget
        self.weight = 0

    def get(self, path: list[object], *, token: Token | None, default: object = UNDEFINED) -> object:
        value = super().get(path, token=token, default=default)
        self.budget.read(value)
        return value

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        return Output(self.budget)

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """Called by the library before a loop: pays for all its passes."""
        self.budget.step(length * self.weight)


class PaidLoop(ForNode):
    """A loop that says what one pass costs."""

    __slots__ = ("weight",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.weight = weight_of(self.block)

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        assert isinstance(context, Context)
        context.weight = self.weight
        return super().render_to_output(context, buffer)


class PaidRange(Expression):
    """The end of a range, refused where the range would be longer than steps are allowed."""

    __slots__ = ("literal", "stop")

    def __init__(self, literal: RangeLiteral) -> None:
        super().__init__(literal.token)
        self.literal = literal
        self.stop = literal.stop

    def evaluate(self, context: RenderContext) -> object:
        assert isinstance(context, Context)
        stop = self.stop.evaluate(context)
        items = self.literal._make_range(self.literal.start.evaluate(context), stop)
        # len() of a range fails above what a machine word holds.
        context.budget.take(min(items.stop - items.start, context.budget.units + 1))
        return stop

    def children(self) -> list[Expression]:
        return [self.stop]

    def __str__(self) -> str:
        return str(self.stop)


def weight_of(node: Node) -> int:
    """Steps of rendering `node` once, without the passes of the loops in it."""
    weight = 1 + sum(map(_size_of, node.expressions()))
    for child in node.children(None):  # type: ignore[arg-type]
        if not (isinstance(node, PaidLoop) and child is node.block):
            weight += weight_of(child)
    return weight


def _size_of(expression: Expression) -> int:
    return 1 + sum(map(_size_of, expression.children()))
