"""HTML as a flat run of tags and texts, in one pass however broken it is (HTML Standard §13.2.5). Pure.
Trees are not built: 1 MiB of nested elements keeps selectolax busy for a minute and overflows css-inline's stack.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape

from templates_app import errors

#: Characters, and tags with their attributes, of the longest source. Measured at these: 80 ms and 10 MiB.
LONGEST = 1024 * 1024
MOST_TAGS = 20_000

_OPENING = re.compile(
    r"<(?:(?P<comment>!--)|(?P<bogus>[!?]|/[^a-zA-Z])|(?P<closing>/?)(?P<name>[a-zA-Z][^\s/>]*+))"
)
_COMMENT_END = re.compile(r"--!?>")
_ATTRIBUTE = re.compile(
    r"[\s/]*+(?:(?P<name>[^\s/>][^\s/>=]*+)"
    r"(?:\s*+=\s*+(?:\"(?P<double>[^\"]*+)\"|'(?P<single>[^']*+)'|(?P<bare>[^\s>\"'][^\s>]*+)|(?P<none>(?=>))))?+)?+"
)
_UNCLOSED_VALUE = re.compile(r"\s*+=\s*+[\"']")
#: What stands in these is text without tags, and never shown.
_RAW = frozenset(("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"))
#: More digits than any character has; `html.unescape` would take them for an integer first.
_ENDLESS_REFERENCE = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9a-fA-F]{7,}+);?")


@dataclass(frozen=True, slots=True)
class Tag:
    """A start or an end of an element, its names in lower case."""

    name: str
    is_end: bool
    attributes: Mapping[str, str]


def tokens(source: str) -> Iterator[Tag | str]:
    """Tags and decoded texts in order, without comments and without what scripts and style sheets hold.

    Raises RenderLimit for more than LONGEST characters, or than MOST_TAGS tags and attributes.
    """
    if len(source) > LONGEST:
        raise errors.RenderLimit(f"Its source is longer than {LONGEST} characters.")
    return _Scanner(source).tokens()


def decoded(text: str) -> str:
    """`text` with its character references decoded."""
    return unescape(_ENDLESS_REFERENCE.sub("\ufffd", text)) if "&" in text else text


class _Scanner:
    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0
        self.room = MOST_TAGS

    def tokens(self) -> Iterator[Tag | str]:
        shown = 0
        while opening := _OPENING.search(self.source, self.position):
            self._charge()
            if opening.start() > shown:
                yield decoded(self.source[shown : opening.start()])
            self.position = opening.end()
            if opening["name"]:
                tag = self._tag(opening["name"].lower(), bool(opening["closing"]))
                if tag is not None:
                    yield tag
            else:
                self._skip_comment(opening)
            shown = self.position
        if shown < len(self.source):
            yield decoded(self.source[shown:])

    def _charge(self) -> None:
        self.room -= 1
        if self.room < 0:
            raise errors.RenderLimit(f"It has more than {MOST_TAGS} tags and attributes.")

    def _skip_comment(self, opening: re.Match[str]) -> None:
        if opening["bogus"]:
            self._skip_to(self.source.find(">", opening.end() - 1), 1)
        elif self.source.startswith((">", "->"), opening.end()):
            self._skip_to(self.source.find(">", opening.end()), 1)
        else:
            end = _COMMENT_END.search(self.source, opening.end())
            self.position = end.end() if end else len(self.source)

    def _skip_to(self, end: int, length: int) -> None:
        self.position = end + length if end >= 0 else len(self.source)

    def _tag(self, name: str, is_end: bool) -> Tag | None:
        """None for a tag that the end of the source cuts off."""
        attributes = self._attributes()
        if not self.source.startswith(">", self.position):
            self.position = len(self.source)
            return None
        self.position += 1
        if name in _RAW and not is_end:
            end = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(self.source, self.position)
            self.position = end.start() if end else len(self.source)
        return Tag(name, is_end, attributes)

    def _attributes(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while True:
            attribute = _ATTRIBUTE.match(self.source, self.position)
            assert attribute is not None
            self.position = attribute.end()
            if not attribute["name"]:
                return found
            self._charge()
            if _UNCLOSED_VALUE.match(self.source, self.position):
                self.position = len(self.source)
                return found
            value = attribute["double"] or attribute["single"] or attribute["bare"] or ""
            found.setdefault(attribute["name"].lower(), decoded(value))
