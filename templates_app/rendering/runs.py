"""An instruction tree's straight runs: what lies between two blocks, and the groups in which it is written."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from templates_app.rendering.instructions import Block, Instruction, Literal, Piece
from templates_app.rendering.transfer import Slot

#: Values checked together: more would send too many off the fast path for the sake of one.
GROUP = 8

Place = str | Slot


def between_blocks(body: Sequence[Instruction]) -> list[list[Piece] | Block]:
    """`body` with what lies between two blocks gathered, literals joined."""
    runs: list[list[Piece] | Block] = []
    for instruction in body:
        if isinstance(instruction, Block):
            runs.append(instruction)
        elif runs and isinstance(runs[-1], list):
            runs[-1].append(instruction)
        else:
            runs.append([instruction])
    return runs


def joined(run: list[Piece]) -> Iterator[Piece]:
    """`run` with neighbouring literals as one; they meet where a comment was."""
    for is_literal, items in groupby(run, lambda item: isinstance(item, Literal)):
        if is_literal:
            yield Literal("".join(item.text for item in items if isinstance(item, Literal)))
        else:
            yield from items


def groups(pieces: Sequence[Place]) -> Iterator[list[Place]]:
    """`pieces` in order, with at most GROUP slots in each list."""
    group: list[Place] = []
    room = GROUP
    for piece in pieces:
        if isinstance(piece, Slot):
            if not room:
                yield group
                group, room = [], GROUP
            room -= 1
        group.append(piece)
    yield group
