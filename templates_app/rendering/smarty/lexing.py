"""SMTPeter's sources → texts and tags (its contract §4.4), in linear time.
A brace begins a tag only right before `$`, a closing word or a word of the language; every other one is text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from templates_app import errors
from templates_app.rendering.targets import Limits

#: Characters of one tag, and tokens of all: their expressions take time by their length.
LONGEST_TAG = 1_000
MOST_TOKENS = 10_000

_WORDS = "if|elseif|else|foreachelse|foreach|assign|ldelim|rdelim|literal|hash"
_OPENING = re.compile(rf"\{{(?:(?=\$)|(?P<word>(?:{_WORDS})(?=[\s{{}}(!$])|/[a-z]++))")
_NAME = r"[^\W\d_](?:[\w-]*\w)?"
_TOKEN = re.compile(
    rf"""\s*+(?:
    (?P<variable>\${_NAME})
    | (?P<number>\d++(?:\.\d++)?(?:[eE][+-]?\d++)?)
    | (?P<text>"(?:[^"\\]++|\\.)*+"|'(?:[^'\\]++|\\.)*+')
    | (?P<word>[^\W\d_]\w*+)
    | (?P<key>\.\w(?:[\w-]*\w)?)
    | (?P<sign>==|!=|<>|>=|<=|=>|&&|\|\||[-+*/%=<>!|:,()\[\]])
    | (?P<end>\}})
    )""",
    re.VERBOSE | re.DOTALL,
)
_LITERAL_END = re.compile(r"\{/literal\s*+\}")
_HEAD = re.compile(r"<head(?=[\s>/])", re.IGNORECASE)
_HEAD_END = re.compile(r"</head(?=[\s>/])", re.IGNORECASE)
_BRACES = {"ldelim": "{", "rdelim": "}"}
_SHOWN = 40


class NotUnderstood(Exception):
    """What stands where it cannot stand in a tag."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a tag: its kind as `_TOKEN` names it, and what it says."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag: the word that it begins with, none where it shows a value, and the rest."""

    word: str
    tokens: tuple[Token, ...]
    start: int


@dataclass(slots=True)
class Lexer:
    """One pass over a source."""

    source: str
    limits: Limits
    position: int = 0
    tags: int = 0
    tokens: int = 0

    def pieces(self) -> Iterator[str | Tag]:
        """Texts and tags in order. Raises TemplateSyntaxError for a tag without end, RenderLimit."""
        head = self._head()
        while opening := _OPENING.search(self.source, self.position):
            if opening.start() > self.position:
                yield self._text(opening.start(), head)
            tag = self._tag(opening)
            if tag.word in _BRACES and not tag.tokens:
                yield _BRACES[tag.word]
            elif tag.word == "literal" and not tag.tokens:
                yield self._literal(tag)
            else:
                yield tag
        if self.position < len(self.source):
            yield self._text(len(self.source), head)

    def _head(self) -> range:
        """Where the document's head is: `[ldelim]` and `[rdelim]` stand for braces in it."""
        start = _HEAD.search(self.source)
        end = _HEAD_END.search(self.source, start.end()) if start else None
        return range(start.end(), end.start()) if start and end else range(0)

    def _text(self, end: int, head: range) -> str:
        start, self.position = self.position, end
        inside = slice(max(start, head.start), min(end, head.stop))
        if inside.start >= inside.stop:
            return self.source[start:end]
        text = self.source[inside].replace("[ldelim]", "{").replace("[rdelim]", "}")
        return self.source[start : inside.start] + text + self.source[inside.stop : end]

    def _literal(self, tag: Tag) -> str:
        end = _LITERAL_END.search(self.source, self.position)
        if end is None:
            raise self.refusal(tag.start, "{literal} is not closed")
        text = self.source[self.position : end.start()]
        self.position = end.end()
        return text

    def _tag(self, opening: re.Match[str]) -> Tag:
        start = opening.start()
        self.tags += 1
        if self.tags > self.limits.tags:
            raise errors.RenderLimit(f"It has more than {self.limits.tags} tags.")
        tokens = tuple(self._tokens(start, opening.end()))
        self.tokens += len(tokens)
        if self.tokens > MOST_TOKENS:
            raise errors.RenderLimit(f"Its tags have more than {MOST_TOKENS} words and signs.")
        return Tag(opening["word"] or "", tokens, start)

    def _tokens(self, start: int, position: int) -> Iterator[Token]:
        while True:
            found = _TOKEN.match(self.source, position, start + LONGEST_TAG)
            if found is None:
                raise self.refusal(start, f"{self.excerpt(start)} is not understood, or not ended by }}")
            position = self.position = found.end()
            kind = str(found.lastgroup)
            if kind == "end":
                return
            yield Token(kind, _said(kind, found[kind]))

    def excerpt(self, start: int) -> str:
        """How the tag at `start` begins."""
        end = self.source.find("}", start, start + _SHOWN)
        return self.source[start : end + 1 if end >= 0 else start + _SHOWN].split("\n")[0].rstrip()

    def refusal(self, start: int, detail: str) -> errors.TemplateSyntaxError:
        """What to raise about the tag at `start`."""
        return errors.TemplateSyntaxError(detail, self.source.count("\n", 0, start) + 1)


def _said(kind: str, written: str) -> str:
    """A token without its marks. In a text, a backslash hides its own quote and nothing else."""
    if kind == "text":
        return written[1:-1].replace("\\" + written[0], written[0])
    if kind in ("variable", "key"):
        return written[1:]
    return written
