"""Sources → the tokens that python-liquid's parser reads, in linear time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from liquid.exceptions import LiquidSyntaxError
from liquid.token import TOKEN_COMMENT, TOKEN_CONTENT, TOKEN_EXPRESSION, TOKEN_OUTPUT, TOKEN_TAG, Token

from templates_app import errors
from templates_app.rendering.targets import Limits

#: Characters of one tag, and of all: the library's expressions are lexed in up to quadratic time.
LONGEST_TAG = 1_000
LONGEST_TAGS = 20_000
#: Brackets of one tag, each of which the library looks behind for its end.
MOST_BRACKETS = 32

_OPENING = re.compile(r"\{[{%]")
_NAME = re.compile(r"(#|\w*+)\s*+(.*)", re.DOTALL)
_END_OF_RAW = re.compile(r"\{%-?\s*+endraw\s*+(-?)%\}")
_COMMENT = re.compile(r"\{%-?\s*+(end)?comment\b")


@dataclass(slots=True)
class Lexer:
    """One pass over a source; `strips` says that the last tag takes the white space after it."""

    source: str
    limits: Limits
    position: int = 0
    strips: bool = False
    tags: int = 0
    characters: int = 0

    def tokens(self) -> Iterator[Token]:
        """Raises LiquidSyntaxError for tags without end, RenderLimit for too many or too much in them."""
        while opening := _OPENING.search(self.source, self.position):
            start = opening.start()
            inside = self._inside(start)
            yield from self._content(start, strips_end=inside.startswith("-"))
            self.position = start + len(inside) + 4
            self.strips = len(inside) > 1 and inside.endswith("-")
            body = inside.removeprefix("-").removesuffix("-").strip()
            if opening[0] == "{{":
                yield self._token(TOKEN_OUTPUT, self.source[start : self.position], start)
                yield self._token(TOKEN_EXPRESSION, body, start)
            else:
                yield from self._tag(body, start)
        yield from self._content(len(self.source), strips_end=False)

    def _inside(self, start: int) -> str:
        """What stands between the braces at `start`."""
        closing = "}}" if self.source.startswith("{{", start) else "%}"
        end = self.source.find(closing, start + 2, start + LONGEST_TAG + 4)
        if end < 0:
            self._refuse(f"expected {closing} within {LONGEST_TAG} characters", start)
        self._charge(end - start)
        inside = self.source[start + 2 : end]
        if inside.count("(") + inside.count("[") > MOST_BRACKETS:
            raise errors.RenderLimit(f"A tag has more than {MOST_BRACKETS} brackets.")
        return inside

    def _charge(self, characters: int) -> None:
        self.tags += 1
        self.characters += characters
        if self.tags > self.limits.tags:
            raise errors.RenderLimit(f"It has more than {self.limits.tags} tags.")
        if self.characters > LONGEST_TAGS:
            raise errors.RenderLimit(f"Its tags are longer than {LONGEST_TAGS} characters.")

    def _content(self, end: int, *, strips_end: bool) -> Iterator[Token]:
        text = self.source[self.position : end]
        text = text.lstrip() if self.strips else text
        text = text.rstrip() if strips_end else text
        if text:
            yield self._token(TOKEN_CONTENT, text, self.position)

    def _tag(self, body: str, start: int) -> Iterator[Token]:
        match = _NAME.fullmatch(body)
        if match is None or not match[1]:
            self._refuse("missing tag name", start)
        name, expression = match.groups()
        if name == "raw":
            yield from self._raw(start)
            return
        yield self._token(TOKEN_TAG, name, start)
        if expression:
            yield self._token(TOKEN_EXPRESSION, expression, start)
        if name == "comment":
            yield from self._comment(start)

    def _raw(self, start: int) -> Iterator[Token]:
        end = _END_OF_RAW.search(self.source, self.position)
        if end is None:
            self._refuse("raw is not closed", start)
        if end.start() > self.position:
            yield self._token(TOKEN_CONTENT, self.source[self.position : end.start()], self.position)
        self.position, self.strips = end.end(), bool(end[1])

    def _comment(self, start: int) -> Iterator[Token]:
        """Up to the end of the comment that began; comments nest."""
        depth, position = 1, self.position
        while tag := _COMMENT.search(self.source, position):
            position = self.source.find("%}", tag.end()) + 2
            if position < 2:
                break
            depth += -1 if tag[1] else 1
            if not depth:
                yield self._token(TOKEN_COMMENT, self.source[self.position : tag.start()], self.position)
                yield self._token(TOKEN_TAG, "endcomment", tag.start())
                self.position, self.strips = position, self.source.startswith("-", position - 3)
                return
        self._refuse("comment is not closed", start)

    def _token(self, kind: str, value: str, start: int) -> Token:
        return Token(kind, value, start, self.source)

    def _refuse(self, message: str, start: int) -> NoReturn:
        raise LiquidSyntaxError(message, token=self._token(TOKEN_TAG, "", start))
