"""The instruction tree that every front-end produces and the generator turns into Python."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


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
    """The value at `path`; `escape` asks for the escaping that the target chose."""

    path: Path
    escape: bool = True


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


Instruction = Literal | Variable | Section | Inverted


def top_level_names(body: Sequence[Instruction]) -> Iterator[str]:
    """The names that the outermost scope may be asked for, with repetitions."""
    for instruction in body:
        match instruction:
            case Variable(path=path) if path.name:
                yield path.name
            case Section(path=path, body=inner) | Inverted(path=path, body=inner):
                if path.name:
                    yield path.name
                yield from top_level_names(inner)
