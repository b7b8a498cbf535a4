"""Octosend's placeholders (its contract §19): `{{name}}`, and the links `{{click:URL}}`, `{{unsubscribe}}`,
`{{unsubscribe:URL}}`, `{{mirror}}` and `{{pixel}}`. Whatever is no placeholder stays as it is, so no syntax is wrong.
"""

import re
from collections.abc import Iterator

from templates_app import errors
from templates_app.rendering.instructions import Instruction, Link, Literal, Path, Piece, Variable
from templates_app.rendering.links import LONGEST_TARGET, LinkKind
from templates_app.rendering.targets import Limits

OPENINGS = ("{{",)

_NAMED = r"\{\{([^{}:\r\n]++)\}\}"
_PLACEHOLDER = re.compile(
    rf"{_NAMED}|\{{\{{[ \t]*+(click|unsubscribe):((?:{_NAMED}|[^{{}}\r\n]|\{{(?!\{{)|\}}(?!\}}))*+)\}}\}}"
)
_NAMED_IN_ARGUMENT = re.compile(_NAMED)
_BLANKS = " \t"
_ADDRESSES = (LinkKind.UNSUBSCRIBE, LinkKind.MIRROR)
_RESERVED = {kind.value: kind for kind in LinkKind}


def parse(source: str, limits: Limits) -> tuple[Instruction, ...]:
    """The instructions of `source`; raises RenderLimit for what `limits` forbid."""
    instructions = list(_instructions(source, limits))
    if sum(map(_tags, instructions)) > limits.tags:
        raise errors.RenderLimit(f"It has more than {limits.tags} tags.")
    return tuple(instructions)


def _instructions(source: str, limits: Limits) -> Iterator[Instruction]:
    position = 0
    for count, match in enumerate(_PLACEHOLDER.finditer(source)):
        if count >= limits.tags:
            raise errors.RenderLimit(f"It has more than {limits.tags} tags.")
        name, word, argument, _ = match.groups()
        instruction = _named(match[0], name, limits) if word is None else _link(word, argument, limits)
        if instruction is None:
            continue
        if match.start() > position:
            yield Literal(source[position : match.start()])
        yield instruction
        position = match.end()
    if position < len(source):
        yield Literal(source[position:])


def _tags(instruction: Instruction) -> int:
    if isinstance(instruction, Link):
        return 1 + sum(not isinstance(piece, Literal) for piece in instruction.target)
    return not isinstance(instruction, Literal)


def _named(written: str, name: str, limits: Limits) -> Link | Variable | None:
    """A link's word or a recipient's value. None for blanks, which are text; so is an unknown name with blanks."""
    name = name.strip(_BLANKS)
    if not name:
        return None
    if len(name) > limits.name:
        raise errors.RenderLimit(f"A name is longer than {limits.name} characters.")
    if name in _RESERVED:
        return Link(_RESERVED[name], ())
    has_blanks = any(character.isspace() for character in name)
    return Variable(Path(name), escape=False, absent=written if has_blanks else "")


def _link(word: str, argument: str, limits: Limits) -> Link:
    if len(argument) > LONGEST_TARGET:
        raise errors.RenderLimit(f"A link's target is longer than {LONGEST_TARGET} characters.")
    return Link(_RESERVED[word], tuple(_pieces(argument.strip(_BLANKS), limits)))


def _pieces(argument: str, limits: Limits) -> Iterator[Piece]:
    """`argument` with its names. The words of links that are addresses by themselves stand for those links."""
    position = 0
    for match in _NAMED_IN_ARGUMENT.finditer(argument):
        piece = _named(match[0], match[1], limits)
        if piece is None:
            continue
        if match.start() > position:
            yield Literal(argument[position : match.start()])
        if not isinstance(piece, Link) or piece.kind in _ADDRESSES:
            yield piece
        position = match.end()
    if position < len(argument):
        yield Literal(argument[position:])
