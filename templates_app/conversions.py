"""What can be made of a template's HTML before it is rendered: its styles inlined, its text. The tags of its language
stay as they are and where they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import count

from templates_app import inlining, rendering, text
from templates_app.errors import Flaw, NotConvertible, TemplateError, TemplateRefused
from templates_app.models import Language

#: How tags begin, by language.
_OPENINGS = {
    Language.MUSTACHE: re.compile(r"\{\{\{?"),
    Language.BRACES: re.compile(r"\{\{"),
    Language.LIQUID: re.compile(r"\{[{%]"),
    # Whole, as a text in it may hold what ends it.
    Language.SMARTY: re.compile(
        r"\{(?:(?=\$)|/[a-z]++|(?:if|elseif|else|foreachelse|foreach|assign|ldelim|rdelim|literal|hash)(?=[\s}(!$]))"
        r"(?:[^{}\"']++|\"(?:[^\"\\]++|\\.)*+\"|'(?:[^'\\]++|\\.)*+')*+\}",
        re.DOTALL,
    ),
    Language.PLAIN: re.compile(r"(?!)"),
}
_CLOSINGS = {"{{{": "}}}", "{{": "}}", "{%": "%}"}
#: Tags that do something to what follows them; others only show a value.
_BLOCK = re.compile(r"\{\{\s*[#^/]|\{%|\{(?:/|if|else|foreach|assign|literal)")
_STEM = re.compile(r"ewtag[0-9]++x")
#: A comment, or a tag of HTML. A value with `<` or `>` is passed over, which costs nothing but a refusal.
_MARK = re.compile(
    r"<(?:(?P<comment>!--)|(?P<name>/?[a-zA-Z][a-zA-Z0-9]*+)(?:[^<>\"']++|\"[^\"<>]*+\"|'[^'<>]*+')*+>)"
)
#: Elements whose content is no markup.
_RAW = frozenset(("style", "script", "title", "textarea"))


def inlined(html: str, *, language: str) -> str:
    """A whole document, with the rules of its style sheets at its elements, for mail programs that read none.

    Takes some 60 ms. Raises NotConvertible where a tag would move or be copied, RenderLimit where it is too much.
    """
    masked = _Masked(html, language)
    # As comments the tags may stand anywhere, also between the rows of a table, where a parser moves text away.
    made = inlining.inline(masked.as_comments())
    if masked.found(made) != masked.order:
        raise NotConvertible
    return masked.restored(made)


def text_of(html: str, *, language: str) -> str:
    """A text part made of HTML. Tags that only show a value go with the attribute or comment that they stand in.

    Raises NotConvertible where a block would go, RenderLimit where it is too much.
    """
    masked = _Masked(html, language)
    made = text.of_html(masked.uncommented())
    if masked.blocks(masked.found(made)) != masked.blocks(masked.order):
        raise NotConvertible
    return masked.restored(made)


def applied(
    texts: Mapping[str, str], language: str, *, inline_css: bool, text_from_html: bool
) -> dict[str, str]:
    """The texts with their `html` inlined, and their `text` made of it; without HTML they stay.

    Raises TemplateRefused for HTML whose tags are wrong or cannot be kept.
    """
    made = dict(texts)
    if not (made.get("html") and (inline_css or text_from_html)):
        return made
    try:
        rendering.check(made["html"], language)
        if text_from_html:
            made["text"] = text_of(made["html"], language=language)
        if inline_css:
            made["html"] = inlined(made["html"], language=language)
    except TemplateError as error:
        raise TemplateRefused([Flaw("html", error.code, str(error))]) from None
    return made


class _Masked:
    """A template with each tag as a word that HTML parsers take for text. `order` says which stand where."""

    def __init__(self, source: str, language: str) -> None:
        self.stem = _unused_stem(source)
        self.order: list[int] = []
        self._numbers: dict[str, int] = {}
        self._source = self._mask(source, _OPENINGS[Language(language)])
        self._tags = list(self._numbers)
        self._word = re.compile(rf"{self.stem}(\d{{1,7}})z")
        self._shown = re.compile(rf"(<!--|&lt;!--)?{self._word.pattern}(?(1)(?:-->|--&gt;))(=\"\")?")

    def as_comments(self) -> str:
        """With the tags as comments where HTML may have one."""
        pieces, position = [], 0
        for start, end in _marks(self._source):
            pieces += [self._word.sub(r"<!--\g<0>-->", self._source[position:start]), self._source[start:end]]
            position = end
        return "".join([*pieces, self._word.sub(r"<!--\g<0>-->", self._source[position:])])

    def uncommented(self) -> str:
        """With the tags as text, also those that stand in a comment alone."""
        return re.sub(rf"<!--\s*+({self._word.pattern})\s*+-->", r"\1", self._source)

    def found(self, made: str) -> list[int]:
        """Which tags stand in what was made. Raises NotConvertible for one that became an attribute, or half of one,
        and for one that there never was: character references may spell a word of ours.
        """
        found = []
        for shown in self._shown.finditer(made):
            if shown[3] or int(shown[2]) >= len(self._tags):
                raise NotConvertible
            found.append(int(shown[2]))
        return found

    def blocks(self, order: list[int]) -> list[int]:
        return [number for number in order if _BLOCK.match(self._tags[number])]

    def restored(self, made: str) -> str:
        return self._shown.sub(lambda shown: self._tags[int(shown[2])], made)

    def _mask(self, source: str, openings: re.Pattern[str]) -> str:
        pieces, position = [], 0
        while opening := openings.search(source, position):
            end = _end(source, opening)
            if end < 0:
                break
            number = self._numbers.setdefault(source[opening.start() : end], len(self._numbers))
            self.order.append(number)
            pieces += [source[position : opening.start()], f"{self.stem}{number}z"]
            position = end
        return "".join([*pieces, source[position:]])


def _unused_stem(source: str) -> str:
    """What the words for tags begin with: nothing that stands in the source."""
    used = set(_STEM.findall(source))
    return next(stem for stem in map("ewtag{}x".format, count()) if stem not in used)


def _marks(source: str) -> Iterator[tuple[int, int]]:
    """Where a comment would be none: in tags, comments, and elements whose content is no markup."""
    position = 0
    while mark := _MARK.search(source, position):
        position = mark.end()
        if mark["comment"]:
            position = _after(source, "-->", position)
        elif mark["name"].lower() in _RAW:
            position = _after(source, f"</{mark['name']}", position)
        yield mark.start(), position


def _after(source: str, end: str, position: int) -> int:
    at = source.find(end, position)
    return at + len(end) if at >= 0 else len(source)


def _end(source: str, opening: re.Match[str]) -> int:
    """Where the tag ends, -1 where it does not; `braces` may have tags inside a tag."""
    closing = _CLOSINGS.get(opening[0])
    if closing is None:
        return opening.end()
    at = source.find(closing, opening.end())
    for _ in range(source.count("{{", opening.end(), max(at, opening.end()))):
        at = source.find(closing, at + len(closing)) if at >= 0 else at
    return at + len(closing) if at >= 0 else -1
