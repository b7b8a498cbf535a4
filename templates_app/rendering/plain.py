"""No language: the source goes out as it is."""

from templates_app import errors
from templates_app.rendering.instructions import Instruction, Literal
from templates_app.rendering.targets import Limits

OPENINGS: tuple[str, ...] = ()


def parse(source: str, limits: Limits) -> tuple[Instruction, ...]:
    """`source` as one literal; raises RenderLimit when it is too long."""
    if len(source) > limits.source:
        raise errors.RenderLimit(f"Its source is longer than {limits.source} characters.")
    return (Literal(source),) if source else ()
