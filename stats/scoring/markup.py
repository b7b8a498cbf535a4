"""HTML as far as the rules need it, read in one pass whose time is linear in its length, whatever is written.

Not `html.parser`: up to Python 3.11.13 it takes hours over a megabyte of `<a`, and raises over `<![x[`.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from dataclasses import dataclass, field

#: HTML that is looked at, in characters: ten times what the largest provider shows.
LONGEST = 1_000_000
#: Tags that are looked at; those of a page that a person wrote are far fewer.
MOST_TAGS = 20_000
#: Links and pictures that are looked at.
MOST_LINKS = 2_000

# Every part matches somehow and gives nothing back, and a construct without its end takes the rest as in HTML
# (HTML Standard §13.2.5): so no place is read twice.
_ATTRIBUTE = (
    r"""[\s/]*+([^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)(?:"|\Z)|'([^']*+)(?:'|\Z)|([^\s>"'][^\s>]*+))?)?"""
)
_UNCAPTURED = re.sub(r"\((?=\[)", "(?:", _ATTRIBUTE)
_TAG = re.compile(rf"<(/?)([a-zA-Z][^\s/>]*+)((?:{_UNCAPTURED})*+)[\s/]*+(>|\Z)")
_ATTRIBUTES = re.compile(_ATTRIBUTE)
_MARKER = re.compile(r"<(?=[a-zA-Z/!?])")
_HANDLER = re.compile(r"[\s/\"']on[a-z]{3,20}\s*+=", re.IGNORECASE)

_VOID = frozenset(
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr".split()
)
#: Their end tags may be left out (HTML Standard §13.1.2.4).
_LEFT_OPEN = frozenset(
    "body colgroup dd dt head html li optgroup option p rb rp rt rtc tbody td tfoot th thead tr".split()
)
#: Up to their end tag nothing in them is a tag.
_RAW = frozenset("noembed noframes script style textarea title xmp".split())
_ACTIVE = frozenset("applet embed iframe object script".split())
_FORM = frozenset("button form input select textarea".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link: where it leads as it is written, and what it shows."""

    target: str
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture; without `alt` the attribute is missing, an empty one is a decoration's."""

    source: str
    has_alt: bool
    tiny: bool


@dataclass(slots=True, kw_only=True)
class Markup:
    """What was read."""

    text: str = ""
    links: list[Link] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    #: Names of elements that run programs, and handlers of events.
    active: set[str] = field(default_factory=set)
    forms: set[str] = field(default_factory=set)
    #: What is unclosed or closes nothing, by name.
    broken: set[str] = field(default_factory=set)


def read(source: str) -> Markup:
    """What the HTML holds, of its first LONGEST characters and MOST_TAGS tags."""
    reader = _Reader(source[:LONGEST])
    reader.run()
    return reader.finished()


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.markup = Markup()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.counts: Counter[str] = Counter()
        self.link: tuple[str, int] | None = None

    def run(self) -> None:
        position = 0
        for _ in range(MOST_TAGS):
            marker = _MARKER.search(self.source, position)
            if marker is None:
                self._say(self.source[position:])
                return
            self._say(self.source[position : marker.start()])
            position = self._construct(marker.start())

    def finished(self) -> Markup:
        self._close_link()
        self.markup.broken.update(name for name in self.open if name not in _LEFT_OPEN)
        self.markup.text = " ".join(" ".join(self.texts).split())
        return self.markup

    def _construct(self, start: int) -> int:
        """Reads the tag or comment there; where it ends."""
        if self.source.startswith("<!--", start):
            # `<!-->` is a whole comment.
            return self._after("-->", start + 2, "comment")
        tag = _TAG.match(self.source, start)
        if tag is None:
            # A declaration, an instruction, `</` and no name: HTML drops it.
            return self._after(">", start, "declaration")
        closing, name, attributes, end = tag.groups()
        name = name.lower()
        if not end:
            self.markup.broken.add(name)
        elif closing:
            self._close(name)
        else:
            self._open(name, attributes)
        return self._after_raw(name, tag.end()) if name in _RAW and not closing else tag.end()

    def _after(self, mark: str, start: int, name: str) -> int:
        found = self.source.find(mark, start)
        if found < 0:
            self.markup.broken.add(name)
            return len(self.source)
        return found + len(mark)

    def _after_raw(self, name: str, start: int) -> int:
        end = re.compile(f"</{name}", re.IGNORECASE).search(self.source, start)
        return end.start() if end else len(self.source)

    def _say(self, text: str) -> None:
        if text:
            self.texts.append(html.unescape(text))

    def _open(self, name: str, attributes: str) -> None:
        if name in _ACTIVE:
            self.markup.active.add(name)
        if name in _FORM:
            self.markup.forms.add(name)
        if _HANDLER.search(attributes) and any(given.startswith("on") for given in _values(attributes)):
            self.markup.active.add("event handler")
        if name in ("a", "area"):
            self._open_link(_values(attributes).get("href", ""))
        elif name == "img" and len(self.markup.images) < MOST_LINKS:
            self.markup.images.append(_image(_values(attributes)))
        if name not in _VOID:
            self.open.append(name)
            self.counts[name] += 1

    def _close(self, name: str) -> None:
        if name == "a":
            self._close_link()
        if not self.counts[name]:
            # `</p>` and `</br>` alone make an element (HTML Standard §13.2.6.4.7).
            if name not in ("p", "br"):
                self.markup.broken.add(name)
            return
        while (closed := self._pop()) != name:
            if closed not in _LEFT_OPEN:
                self.markup.broken.add(closed)

    def _pop(self) -> str:
        name = self.open.pop()
        self.counts[name] -= 1
        return name

    def _open_link(self, target: str) -> None:
        self._close_link()
        self.link = (target.strip(), len(self.texts))

    def _close_link(self) -> None:
        if self.link is not None and len(self.markup.links) < MOST_LINKS:
            target, start = self.link
            shown = " ".join("".join(self.texts[start:]).split())
            self.markup.links.append(Link(target=target, shown=shown))
        self.link = None


def _values(attributes: str) -> dict[str, str]:
    """The attributes by lower-case name; of two of one name the first holds."""
    found: dict[str, str] = {}
    for match in _ATTRIBUTES.finditer(attributes):
        value = match[2] or match[3] or match[4] or ""
        found.setdefault(match[1].lower(), html.unescape(value))
    return found


def _image(values: dict[str, str]) -> Image:
    tiny = any(values.get(side, "").strip().removesuffix("px") in ("0", "1") for side in ("width", "height"))
    return Image(source=values.get("src", "").strip(), has_alt="alt" in values, tiny=tiny)
