"""Mustache (mustache(5), the public specification 1.4): interpolation, sections, inverted sections, comments.
Partials, parents and set-delimiter tags are refused; lambdas cannot occur, values being data.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from templates_app import errors
from templates_app.rendering.instructions import (
    Instruction,
    Inverted,
    Literal,
    Path,
    Section,
    Variable,
)
from templates_app.rendering.targets import Limits

OPENINGS = ("{{",)

_SIGIL = re.compile(r"\{\{(?:\{|\s*+([!#^/&>=<]?))")
_NAME = re.compile(r"[^{}]*+")
_REST_OF_LINE = re.compile(r"[ \t]*+(?:\r?\n|\Z)")
_REFUSED = {">": "partials are off", "<": "parents are off", "=": "delimiters cannot be changed"}
_STANDALONE = frozenset("!#^/")
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class _Tag:
    sigil: str
    name: str
    start: int
    end: int


@dataclass(slots=True)
class _Block:
    tag: _Tag | None
    body: list[Instruction] = field(default_factory=list)


def parse(source: str, limits: Limits) -> tuple[Instruction, ...]:
    """The instructions of `source`.

    Raises TemplateSyntaxError with the line and the tag, and RenderLimit for what `limits` forbid.
    """
    return _Parser(source, limits).parse()


class _Parser:
    def __init__(self, source: str, limits: Limits) -> None:
        self.source = source
        self.limits = limits
        self.blocks = [_Block(None)]

    def parse(self) -> tuple[Instruction, ...]:
        for literal, tag in self._pieces():
            if literal:
                self.blocks[-1].body.append(Literal(literal))
            if tag is not None:
                self._add(tag)
        unclosed = self.blocks[-1].tag
        if unclosed is not None:
            self._refuse(unclosed.start, f"{_shown(unclosed)} is not closed")
        return tuple(self.blocks[0].body)

    def _pieces(self) -> Iterator[tuple[str, _Tag | None]]:
        """Each tag with the literal before it; a tag that stands alone takes its whole line with it."""
        position = 0
        for count, tag in enumerate(self._tags()):
            if count >= self.limits.tags:
                raise errors.RenderLimit(f"It has more than {self.limits.tags} tags.")
            literal = self.source[position : tag.start]
            rest = self._rest_of_line(position, tag)
            yield (literal, tag) if rest is None else (literal.rstrip(" \t"), tag)
            position = tag.end if rest is None else rest
        yield self.source[position:], None

    def _rest_of_line(self, position: int, tag: _Tag) -> int | None:
        """Where the next line begins when `tag` stands alone on its own, or None."""
        if tag.sigil not in _STANDALONE:
            return None
        line_start = self.source.rfind("\n", position, tag.start) + 1
        if not line_start:
            if position and self.source[position - 1] != "\n":
                return None
            line_start = position
        if self.source[line_start : tag.start].strip(" \t"):
            return None
        rest = _REST_OF_LINE.match(self.source, tag.end)
        return rest.end() if rest else None

    def _tags(self) -> Iterator[_Tag]:
        start = self.source.find("{{")
        while start >= 0:
            tag = self._tag(start)
            yield tag
            start = self.source.find("{{", tag.end)

    def _tag(self, start: int) -> _Tag:
        opening = _SIGIL.match(self.source, start)
        assert opening is not None
        sigil = opening[1] if opening[1] is not None else "{"
        if sigil == "!":
            return self._comment(start, opening.end())
        if sigil in _REFUSED:
            self._refuse(start, f"{self._excerpt(start)}: {_REFUSED[sigil]}")
        return self._named(start, sigil, opening.end())

    def _named(self, start: int, sigil: str, position: int) -> _Tag:
        match = _NAME.match(self.source, position)
        assert match is not None
        closing = "}}}" if sigil == "{" else "}}"
        if not self.source.startswith(closing, match.end()):
            self._refuse(start, f"{self._excerpt(start)} is not ended by {closing}")
        name = match[0].strip()
        if not name:
            self._refuse(start, f"{self._excerpt(start)} names nothing")
        if len(name) > self.limits.name:
            raise errors.RenderLimit(f"A name is longer than {self.limits.name} characters.")
        return _Tag(sigil, name, start, match.end() + len(closing))

    def _comment(self, start: int, position: int) -> _Tag:
        end = self.source.find("}}", position)
        if end < 0:
            self._refuse(start, f"{self._excerpt(start)} is not ended by }}}}")
        return _Tag("!", "", start, end + 2)

    def _add(self, tag: _Tag) -> None:
        if tag.sigil in ("#", "^"):
            self._open(tag)
        elif tag.sigil == "/":
            self._close(tag)
        elif tag.sigil != "!":
            self.blocks[-1].body.append(Variable(_path(tag.name), escape=tag.sigil == ""))

    def _open(self, tag: _Tag) -> None:
        if len(self.blocks) > self.limits.depth:
            raise errors.RenderLimit(f"Its sections are nested more than {self.limits.depth} deep.")
        self.blocks.append(_Block(tag))

    def _close(self, tag: _Tag) -> None:
        block = self.blocks[-1]
        if block.tag is None:
            self._refuse(tag.start, f"{_shown(tag)} closes nothing")
        if block.tag.name != tag.name:
            self._refuse(tag.start, f"{_shown(tag)} closes {_shown(block.tag)}")
        self.blocks.pop()
        kind = Section if block.tag.sigil == "#" else Inverted
        self.blocks[-1].body.append(kind(_path(tag.name), tuple(block.body)))

    def _excerpt(self, start: int) -> str:
        end = self.source.find("}}", start, start + _SHOWN)
        return self.source[start : end + 2 if end >= 0 else start + _SHOWN].split("\n")[0].rstrip()

    def _refuse(self, position: int, detail: str) -> NoReturn:
        raise errors.TemplateSyntaxError(detail, self.source.count("\n", 0, position) + 1)


def _shown(tag: _Tag) -> str:
    return f"{{{{{tag.sigil}{tag.name[:_SHOWN]}}}}}"


def _path(name: str) -> Path:
    """Dotted names are paths; one with an empty part ("No.", a CSV heading) is a key as it stands."""
    if name == ".":
        return Path("")
    first, *rest = name.split(".")
    return Path(first, tuple(rest)) if first and all(rest) else Path(name)
