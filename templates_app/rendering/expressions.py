"""What a tag may compute: a tree over a mail's values, and the Python that computes it.
Such trees have one flat scope: the variables of the mail, over which a template assigns its own.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from templates_app.rendering.links import LinkKind


@dataclass(frozen=True, slots=True)
class Constant:
    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class Name:
    """A variable; nothing where it is missing."""

    name: str


@dataclass(frozen=True, slots=True)
class Item:
    """What `of` holds at `key`: a key of a mapping, or a position."""

    of: "Expression"
    key: "Expression"


@dataclass(frozen=True, slots=True)
class Call:
    """`function(budget, *values)`; it pays for what it does, and raises nothing but TemplateError."""

    function: Callable[..., Any]
    arguments: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Logic:
    """Whether all of the operands are true, or `any_of` them; later ones are computed only where they decide."""

    operands: tuple["Expression", ...]
    any_of: bool


@dataclass(frozen=True, slots=True)
class Negation:
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Address:
    """The mail's own link of a kind without target."""

    kind: LinkKind


Expression = Constant | Name | Item | Call | Logic | Negation | Address


@dataclass(frozen=True, slots=True)
class Surroundings:
    """How generated code names what is not in a tree: constants by a verb that keeps them, assigned variables."""

    kept: Callable[[object], str]
    assigned: Mapping[str, str]


def steps(expression: Expression) -> int:
    """What computing takes over and above what its calls pay for."""
    return 1 + sum(_steps_of(node) for node in _nodes(expression))


def names(expression: Expression) -> Iterator[str]:
    """The variables that are read, with repetitions."""
    return (node.name for node in _nodes(expression) if isinstance(node, Name))


def addresses(expression: Expression) -> Iterator[LinkKind]:
    """The kinds of links that are asked for, with repetitions."""
    return (node.kind for node in _nodes(expression) if isinstance(node, Address))


def pays(expression: Expression) -> bool:
    """Whether the code needs a `budget`."""
    return any(isinstance(node, Call | Item) for node in _nodes(expression))


def height(expression: Expression) -> int:
    """How many parts lie in each other, this one counted."""
    level, levels = [expression], 0
    while level:
        level, levels = [part for node in level for part in _parts(node)], levels + 1
    return levels


def _steps_of(node: Expression) -> int:
    if isinstance(node, Logic):
        return len(node.operands)
    return isinstance(node, Item | Negation)


def _nodes(expression: Expression) -> Iterator[Expression]:
    pending = [expression]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(_parts(node))


def _parts(expression: Expression) -> tuple[Expression, ...]:
    match expression:
        case Item(of=of, key=key):
            return of, key
        case Call(arguments=parts) | Logic(operands=parts):
            return parts
        case Negation(operand=operand):
            return (operand,)
    return ()


def python(expression: Expression, around: Surroundings, *, absent: str = "None") -> str:
    """The Python expression of a value, over `c0`, `links` and `budget`; `absent` is that of a missing variable."""
    match expression:
        case Constant(value=value):
            return around.kept(value) if isinstance(value, str) else repr(value)
        case Name(name=name):
            key = ascii(name)
            return around.assigned.get(name) or f"(c0[{key}] if {key} in c0 else {absent})"
        case Item(of=of, key=key_of):
            return _item(of, key_of, around)
        case Call(function=function, arguments=arguments):
            given = "".join(f", {python(argument, around)}" for argument in arguments)
            return f"{around.kept(function)}(budget{given})"
        case Logic(operands=operands, any_of=any_of):
            return f"({(' or ' if any_of else ' and ').join(truth(part, around) for part in operands)})"
        case Negation(operand=operand):
            return f"(not {truth(operand, around)})"
        case Address(kind=kind):
            return f"links({kind.name}, '')"


def truth(expression: Expression, around: Surroundings) -> str:
    """The Python expression of whether a value is true."""
    value = python(expression, around)
    return value if isinstance(expression, Logic | Negation) else f"truth({value})"


def _item(of: Expression, key: Expression, around: Surroundings) -> str:
    holder, found = python(of, around), python(key, around)
    looked_up = f"item(budget, {holder}, {found})"
    if isinstance(of, Name) and of.name in around.assigned and isinstance(key, Constant):
        return f"({holder}[{found}] if type({holder}) is dict and {found} in {holder} else {looked_up})"
    return looked_up
