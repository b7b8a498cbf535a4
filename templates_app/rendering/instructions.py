"""The instruction tree that every front-end produces and the generator turns into Python."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from templates_app.rendering import expressions
from templates_app.rendering.expressions import Expression
from templates_app.rendering.links import LinkKind


@dataclass(frozen=True, slots=True)
class Path:
    """Where a value is: `name` in the innermost scope that has it, then each of `rest` in what was found.

    An empty `name` is the innermost item itself.
    """

    name: str
    rest: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Literal:
    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """The value at `path`, or the text `absent`; `escape` asks for the escaping that the target chose."""

    path: Path
    escape: bool = True
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Computed:
    """The value of an expression, as it is."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class Link:
    """A tracked link of this mail; the pieces of its `target` make one URL, or none."""

    kind: LinkKind
    target: tuple["Piece", ...] = ()

    @property
    def is_fixed(self) -> bool:
        """Whether every recipient's link has the same target."""
        return all(isinstance(piece, Literal) for piece in self.target)

    @property
    def fixed_target(self) -> str:
        return "".join(piece.text for piece in self.target if isinstance(piece, Literal))


@dataclass(frozen=True, slots=True)
class Section:
    """`body` once for each item of a list, once for another true value, with it as innermost scope."""

    path: Path
    body: tuple["Instruction", ...]


@dataclass(frozen=True, slots=True)
class Inverted:
    """`body` when a Section at `path` would not be rendered at all."""

    path: Path
    body: tuple["Instruction", ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """One way through a Choice; without a condition, the last one."""

    condition: Expression | None
    body: tuple["Instruction", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The body of the first branch whose condition is true."""

    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """`body` for each item of `over`, assigned to `item` and its key to `key` if that is named; else `otherwise`."""

    over: Expression
    item: str
    key: str
    body: tuple["Instruction", ...]
    otherwise: tuple["Instruction", ...] = ()


@dataclass(frozen=True, slots=True)
class Assignment:
    """From here on, `name` is the value of `expression`."""

    name: str
    expression: Expression


#: What a value or a text is made of, without blocks.
Piece = Literal | Variable | Computed | Link

#: What stands between straight runs.
Block = Section | Inverted | Choice | Loop | Assignment

Instruction = Piece | Block

Body = Sequence[Instruction]


def bodies(block: Block) -> tuple[Body, ...]:
    """The bodies in a block, in order."""
    match block:
        case Section(body=body) | Inverted(body=body):
            return (body,)
        case Choice(branches=branches):
            return tuple(branch.body for branch in branches)
        case Loop(body=body, otherwise=otherwise):
            return body, otherwise
    return ()


def rebuilt(block: Block, made: Callable[[Body], tuple[Instruction, ...]]) -> Block:
    """`block` with each of its bodies as `made` makes it."""
    match block:
        case Section(body=body) | Inverted(body=body):
            return replace(block, body=made(body))
        case Choice(branches=branches):
            return Choice(tuple(replace(branch, body=made(branch.body)) for branch in branches))
        case Loop(body=body, otherwise=otherwise):
            return replace(block, body=made(body), otherwise=made(otherwise))
    return block


def computed(instruction: Instruction) -> tuple[Expression, ...]:
    """The expressions of an instruction, without those in its bodies."""
    match instruction:
        case Computed(expression=expression) | Assignment(expression=expression):
            return (expression,)
        case Choice(branches=branches):
            return tuple(branch.condition for branch in branches if branch.condition is not None)
        case Loop(over=over):
            return (over,)
    return ()


def inside(instruction: Instruction) -> tuple[Body, ...]:
    """What stands in an instruction: a block's bodies, a link's target."""
    if isinstance(instruction, Link):
        return (instruction.target,)
    return bodies(instruction) if isinstance(instruction, Block) else ()


def fixed_links(body: Body) -> Iterator[tuple[LinkKind, str]]:
    """The links that every recipient gets with the same target, with repetitions."""
    for instruction in body:
        if isinstance(instruction, Link) and instruction.is_fixed:
            yield instruction.kind, instruction.fixed_target
            continue
        for expression in computed(instruction):
            yield from ((kind, "") for kind in expressions.addresses(expression))
        for inner in inside(instruction):
            yield from fixed_links(inner)


def assigned_names(body: Body) -> Iterator[str]:
    """The names that a template gives values itself, with repetitions."""
    for instruction in body:
        if isinstance(instruction, Assignment):
            yield instruction.name
        if isinstance(instruction, Loop):
            yield from filter(None, (instruction.key, instruction.item))
        for inner in inside(instruction):
            yield from assigned_names(inner)


def top_level_names(body: Body, assigned: frozenset[str] = frozenset()) -> Iterator[str]:
    """The names that the outermost scope may be asked for, with repetitions; not those that are surely `assigned`."""
    for instruction in body:
        match instruction:
            case Variable(path=path) | Section(path=path) | Inverted(path=path) if path.name:
                yield path.name
        for expression in computed(instruction):
            yield from (name for name in expressions.names(expression) if name not in assigned)
        own = {instruction.item, instruction.key} if isinstance(instruction, Loop) else set()
        for inner in inside(instruction):
            yield from top_level_names(inner, assigned | own)
        if isinstance(instruction, Assignment):
            assigned |= {instruction.name}
