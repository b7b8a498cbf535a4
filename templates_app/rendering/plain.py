"""No language: the source goes out as it is."""

from templates_app.rendering.instructions import Instruction, Literal
from templates_app.rendering.targets import Limits

OPENINGS: tuple[str, ...] = ()


def parse(source: str, limits: Limits) -> tuple[Instruction, ...]:
    """`source` as one literal."""
    return (Literal(source),) if source else ()
