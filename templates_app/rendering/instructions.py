"""The instruction tree that every front-end produces and the generator turns into Python."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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


#: What a value or a text is made of, without blocks.
Piece = Literal | Variable | Link

Instruction = Piece | Section | Inverted


def fixed_links(body: Sequence[Instruction]) -> Iterator[tuple[LinkKind, str]]:
    """The links that every recipient gets with the same target, with repetitions."""
    for instruction in body:
        match instruction:
            case Link(kind=kind) if instruction.is_fixed:
                yield kind, instruction.fixed_target
            case Link(target=body) | Section(body=body) | Inverted(body=body):
                yield from fixed_links(body)


def top_level_names(body: Sequence[Instruction]) -> Iterator[str]:
    """The names that the outermost scope may be asked for, with repetitions."""
    for instruction in body:
        match instruction:
            case Variable(path=path) if path.name:
                yield path.name
            case Link(target=target):
                yield from top_level_names(target)
            case Section(path=path, body=inner) | Inverted(path=path, body=inner):
                if path.name:
                    yield path.name
                yield from top_level_names(inner)
