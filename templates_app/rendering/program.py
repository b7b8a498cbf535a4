"""A template as a program: its instruction tree, written as Python and compiled to a code object."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from templates_app.rendering import generation, marking, run_time
from templates_app.rendering.instructions import (
    Block,
    Instruction,
    Link,
    Literal,
    fixed_links,
    rebuilt,
    top_level_names,
)
from templates_app.rendering.links import LinkKind, Links, url_of
from templates_app.rendering.targets import Escape, Target

Result = TypeVar("Result", str, bytes)
Rendered = TypeVar("Rendered", str, bytes, covariant=True)


class Render(Protocol[Rendered]):
    """What a program does with the variables and the links of one mail."""

    def __call__(self, variables: Mapping[str, object], links: Links = ...) -> Rendered: ...


@dataclass(frozen=True, slots=True)
class Program(Generic[Result]):
    """A compiled template, safe to share between threads.

    `names` are the top-level names that it may use, those inside sections included; `links` the tracked links whose
    targets do not depend on variables, each once, in order.
    `render(variables, links)` gives str, or bytes when the transfer is quoted-printable: CRLF lines of at most 76
    ASCII characters without trailing blanks, none of which begins with "." or "From ". LF and CRLF of each
    literal and each value become CRLF; other control characters are encoded.
    It asks `links` for each tracked link; without it they show nothing. It raises RenderLimit and UnsupportedValue.
    """

    names: frozenset[str]
    render: Render[Result]
    links: tuple[tuple[LinkKind, str], ...] = ()
    #: Whether it asks for links that only rendering finds.
    finds_links: bool = False

    @property
    def is_fixed(self) -> bool:
        """Whether every mail says the same."""
        return not self.names and not self.links and not self.finds_links


def build(instructions: Sequence[Instruction], target: Target) -> "Program[str] | Program[bytes]":
    """The program of an instruction tree; raises RenderLimit when its literals alone exceed the output."""
    if target.escape is Escape.HTML and (target.opens or target.clicks):
        instructions = marking.marked(instructions, target)
    body = tuple(_resolved(instructions, target))
    code = generation.generate(body, target)
    namespace: dict[str, Any] = {**run_time.NAMES, **code.constants}
    exec(compile(code.source, "<template>", "exec"), namespace)
    found = tuple(dict.fromkeys(fixed_links(body)))
    return Program(frozenset(top_level_names(body)), namespace["render"], found)


def _resolved(instructions: Sequence[Instruction], target: Target) -> Iterator[Instruction]:
    """Links as the target has them: pictures in HTML only, fixed targets decoded, what is no address as text."""
    html = target.escape is Escape.HTML
    for instruction in instructions:
        if isinstance(instruction, Block):
            yield rebuilt(instruction, lambda body: tuple(_resolved(body, target)))
        elif not isinstance(instruction, Link):
            yield instruction
        elif instruction.kind is LinkKind.PIXEL:
            yield from [instruction] * html
        elif instruction.is_fixed and instruction.target:
            url = url_of(instruction.fixed_target, html=html)
            fixed = Link(instruction.kind, (Literal(url),))
            yield fixed if url else Literal(instruction.fixed_target)
        elif instruction.target or instruction.kind is not LinkKind.CLICK:
            yield instruction
