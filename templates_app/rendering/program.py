"""A template as a program: its instruction tree, written as Python and compiled to a code object."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from templates_app.rendering import generation
from templates_app.rendering.instructions import Instruction, top_level_names
from templates_app.rendering.targets import Target

Result = TypeVar("Result", str, bytes)


@dataclass(frozen=True, slots=True)
class Program(Generic[Result]):
    """A compiled template, safe to share between threads.

    `names` are the top-level names that it may use, those inside sections included.
    `render(variables)` gives str, or bytes when the transfer is quoted-printable: CRLF lines of at most 76
    ASCII characters without trailing blanks, none of which begins with "." or "From ". LF and CRLF of each
    literal and each value become CRLF; other control characters are encoded.
    It raises RenderLimit and UnsupportedValue.
    """

    names: frozenset[str]
    render: Callable[[Mapping[str, object]], Result]


def build(instructions: Sequence[Instruction], target: Target) -> "Program[str] | Program[bytes]":
    """The program of an instruction tree; raises RenderLimit when its literals alone exceed the output."""
    code = generation.generate(instructions, target)
    namespace: dict[str, Any] = {**generation.RUN_TIME, **code.literals}
    exec(compile(code.source, "<template>", "exec"), namespace)
    return Program(frozenset(top_level_names(instructions)), namespace["render"])
