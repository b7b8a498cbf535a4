"""Adds to a template what tracks without being asked for in it: a picture, and links in place of addresses."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from itertools import accumulate

from templates_app.rendering.instructions import (
    Block,
    Computed,
    Instruction,
    Link,
    Literal,
    Piece,
    Variable,
    rebuilt,
)
from templates_app.rendering.links import LONGEST_TARGET, LinkKind, Links, pixel, url_of
from templates_app.rendering.targets import Target

#: The value of a link's address. A tag with `<` or `>` before it is left alone, which keeps the search linear.
_HREF = re.compile(
    r"<(?:a|area)(?=[\s/])[^<>]*?[\s\"'/]href\s*+=\s*+(?:\"([^\"<>]*+)\"|'([^'<>]*+)'|([^\s\"'<>`]++))",
    re.IGNORECASE,
)
_END = re.compile(r"</body\b", re.IGNORECASE)
_WEB = re.compile(r"\s*https?://", re.IGNORECASE)
#: From within a link's tag to the end of its label. Longer labels show no address.
_LABEL = re.compile(r"[^<>]*+>((?:(?!</a\b).){0,2000}+)</a\b", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^<>]*+>")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
#: Stands for a value in the text that is searched.
_HOLE = "\0"
_PICTURE = Link(LinkKind.PIXEL)


def marked(body: Sequence[Instruction], target: Target) -> tuple[Instruction, ...]:
    """`body` as `target` wants it tracked: of its addresses as many as a template may have tags."""
    if target.clicks:
        body = _Marker(target.limits.tags, target.spare_shown).marked(body)
    if target.opens and _PICTURE not in body:
        body = _with_picture(body)
    return tuple(body)


def rewritten(html: str, links: Links, target: Target) -> str:
    """The same for what is rendered already."""
    if target.clicks:
        spare = target.spare_shown
        html = _HREF.sub(
            lambda found: found[0] if spare and _showing(found) else _followed(found, links),
            html,
            count=target.limits.tags,
        )
    if not target.opens:
        return html
    end = _last_end(html)
    return html[:end] + pixel(links) + html[end:]


def _followed(found: re.Match[str], links: Links) -> str:
    value = found[found.lastindex or 0]
    url = url_of(value.strip(), html=True)
    if not url or len(url) > LONGEST_TARGET:
        return found[0]
    start = found.start(found.lastindex or 0) - found.start()
    return found[0][:start] + links(LinkKind.CLICK, url) + found[0][start + len(value) :]


def _showing(found: re.Match[str]) -> tuple[int, int] | None:
    """Where the link's label is, if it shows where the link leads."""
    label = _LABEL.match(found.string, found.end())
    if label is None or _plain(_TAG.sub("", label[1])) != _plain(found[found.lastindex or 0]):
        return None
    return label.span(1)


def _plain(address: str) -> str:
    """What people take for the same address."""
    bare = _SCHEME.sub("", "".join(unescape(address).split()), count=1)
    return bare.removesuffix("/").casefold()


def _last_end(html: str) -> int:
    ends = [found.start() for found in _END.finditer(html)]
    return ends[-1] if ends else len(html)


def _with_picture(body: Sequence[Instruction]) -> list[Instruction]:
    """Before the last end of the document's body, else at the end."""
    for number in range(len(body) - 1, -1, -1):
        last = body[number]
        if isinstance(last, Literal) and _END.search(last.text):
            end = _last_end(last.text)
            before, after = Literal(last.text[:end]), Literal(last.text[end:])
            return [*body[:number], before, _PICTURE, after, *body[number + 1 :]]
    return [*body, _PICTURE]


@dataclass(slots=True)
class _Marker:
    """Marks addresses as long as some are `left`; those that a label shows only where none is spared."""

    left: int
    spares_shown: bool = False

    def marked(self, body: Sequence[Instruction]) -> list[Instruction]:
        made: list[Instruction] = []
        run: list[Piece] = []
        for instruction in body:
            if isinstance(instruction, Block):
                made += self._run(run)
                made.append(rebuilt(instruction, lambda body: tuple(self.marked(body))))
                run = []
            else:
                run.append(instruction)
        return made + self._run(run)

    def _run(self, pieces: Sequence[Piece]) -> list[Instruction]:
        """Pieces without a block between them, with each address among them as one link."""
        run = _Run(pieces)
        made: list[Instruction] = []
        position = 0
        for found in _HREF.finditer(run.text):
            start, end = found.span(found.lastindex or 0)
            address = list(run.between(start, end))
            if self.left and _is_trackable(address, end - start) and not self._spares(run, found, address):
                self.left -= 1
                made += [*run.between(position, start), Link(LinkKind.CLICK, tuple(address))]
                position = end
        return made + list(run.between(position, len(run.text)))

    def _spares(self, run: "_Run", found: re.Match[str], address: Sequence[Piece]) -> bool:
        place = _showing(found) if self.spares_shown else None
        return place is not None and _values(run.between(*place)) == _values(address)


class _Run:
    """Pieces and their text, in which a value is one character."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces
        texts = [piece.text if isinstance(piece, Literal) else _HOLE for piece in pieces]
        self.text = "".join(texts)
        self._starts = list(accumulate(map(len, texts), initial=0))

    def between(self, start: int, end: int) -> Iterator[Piece]:
        number = bisect_right(self._starts, start) - 1
        while number < len(self.pieces) and self._starts[number] < end:
            piece, offset = self.pieces[number], self._starts[number]
            if not isinstance(piece, Literal):
                yield piece
            elif text := piece.text[max(start - offset, 0) : end - offset]:
                yield Literal(text)
            number += 1


def _values(pieces: Iterable[Piece]) -> list[Piece]:
    return [piece for piece in pieces if not isinstance(piece, Literal)]


def _is_trackable(address: Sequence[Piece], length: int) -> bool:
    """Of the web, or of whatever a value says; links that the template asks for stay what they are."""
    if not address or length > LONGEST_TARGET or any(isinstance(piece, Link) for piece in address):
        return False
    first = address[0]
    return isinstance(first, Variable | Computed) or (
        isinstance(first, Literal) and bool(_WEB.match(first.text))
    )
