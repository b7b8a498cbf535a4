"""HTML → text: what a mail says to those who see no HTML. Pure."""

import re
from collections.abc import Iterable

from templates_app import markup
from templates_app.markup import Tag

#: Lines that an element ends before it and after it: 1 starts a new line, 2 leaves one blank.
_GAPS = {
    **dict.fromkeys(("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl"), 2),
    **dict.fromkeys(("table", "blockquote", "pre", "figure", "fieldset", "form"), 2),
    **dict.fromkeys(("div", "section", "article", "header", "footer", "main", "nav", "aside", "address"), 1),
    **dict.fromkeys(
        ("li", "dt", "dd", "tr", "caption", "center", "body", "figcaption", "details", "summary"), 1
    ),
}
_NEVER_SHOWN = frozenset(("head", "script", "style", "title", "template", "svg", "math", "object", "select"))
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)
_HIDING = re.compile(
    r"(?:^|[;\s])(?:display\s*+:\s*+none|visibility\s*+:\s*+hidden|mso-hide\s*+:\s*+all)", re.I
)
#: Elements that may lack their end: starts and ends of others that end them too.
_ENDED_BY = {
    "p": frozenset(_GAPS),
    "li": frozenset(("ul", "ol")),
    "td": frozenset(("tr", "table", "th")),
    "th": frozenset(("tr", "table", "td")),
    "tr": frozenset(("table", "tbody", "tfoot")),
}
_LISTS = ("ul", "ol")
_DEEPEST = 8
_RULE = "-" * 20
_NOWHERE = re.compile(r"(?:#|javascript:|data:|cid:|$)", re.I)
_PLAIN_SCHEME = re.compile(r"(?:mailto|tel):", re.I)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def of_html(html: str) -> str:
    """What `html` shows, as text: links keep their addresses, lists their marks, rows of tables a line each.

    Whatever the HTML hides is dropped. Lines are not wrapped; at most one blank line stands between two.
    Raises RenderLimit for more than markup.LONGEST characters, or than markup.MOST_TAGS tags and attributes.
    """
    writer = _Writer()
    for token in _shown(markup.tokens(html)):
        if isinstance(token, str):
            writer.write(token)
        else:
            writer.tag(token)
    return writer.text()


def _shown(tokens: Iterable[Tag | str]) -> Iterable[Tag | str]:
    """`tokens` without hidden elements."""
    hidden: Tag | None = None
    depth = 0
    for token in tokens:
        if hidden is not None and isinstance(token, Tag):
            depth = _depth(hidden, token, depth)
            hidden = hidden if depth > 0 else None
            if depth == 0:
                continue
        if hidden is None and isinstance(token, Tag) and _is_hidden(token):
            hidden, depth = token, 1
        elif hidden is None:
            yield token


def _depth(hidden: Tag, token: Tag, depth: int) -> int:
    """How deep in elements of the hidden one's name `token` leaves us; -1 when it ends that one by beginning."""
    if token.name in _ENDED_BY.get(hidden.name, ()):
        return -1
    if token.name != hidden.name:
        return depth
    if token.is_end:
        return depth - 1
    return -1 if hidden.name in _ENDED_BY else depth + 1


def _is_hidden(tag: Tag) -> bool:
    if tag.is_end or tag.name in _VOID:
        return False
    style = tag.attributes.get("style", "")
    return tag.name in _NEVER_SHOWN or "hidden" in tag.attributes or bool(_HIDING.search(style))


class _Writer:
    """Lines as they fill. A gap is written before the next word, so that none stands at either end."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line: list[str] = []
        self.gap = 0
        self.space = False
        self.quotes = self.quotes_before = 0
        self.preformatted = 0
        self.lists: list[int | None] = []
        self.mark = ""
        self.address = ""
        self.label: list[str] = []

    def text(self) -> str:
        self._end_link()
        self._end_line(1)
        return "\n".join(self.lines)

    def write(self, text: str) -> None:
        text = _CONTROLS.sub("", text)
        if self.preformatted:
            self._write_lines(text)
            return
        words = text.replace("\xa0", " ").split()
        self.space |= text[:1].isspace()
        if words:
            self._put(" ".join(words))
            self.space = text[-1:].isspace()

    def tag(self, tag: Tag) -> None:
        if tag.name in _GAPS:
            self._block(tag)
        elif tag.name == "a":
            self._end_link()
            self.address = "" if tag.is_end else _address(tag.attributes.get("href", ""))
        elif tag.name in ("td", "th") and not tag.is_end and self.line:
            self._put("" if self.line[-1].endswith("|") else " |")
            self.space = True
        elif tag.name == "br":
            self._end_line(1, always=True)
        elif tag.name == "hr":
            self._alone(_RULE)
        elif tag.name == "img" and tag.attributes.get("alt"):
            self.write(tag.attributes["alt"])

    def _block(self, tag: Tag) -> None:
        is_listed = len(self.lists) > (tag.is_end and tag.name in _LISTS)
        self._end_line(1 if is_listed else _GAPS[tag.name])
        if tag.name in _LISTS:
            self._list(tag)
        elif tag.name == "li":
            self.mark = "" if tag.is_end else self._next_mark()
        elif tag.name == "blockquote":
            self.quotes = max(self.quotes + (-1 if tag.is_end else 1), 0)
        elif tag.name == "pre":
            self.preformatted = max(self.preformatted + (-1 if tag.is_end else 1), 0)

    def _list(self, tag: Tag) -> None:
        if not tag.is_end:
            self.lists.append(0 if tag.name == "ol" else None)
        elif self.lists:
            self.lists.pop()

    def _next_mark(self) -> str:
        if not self.lists or self.lists[-1] is None:
            return "- "
        self.lists[-1] += 1
        return f"{self.lists[-1]}. "

    def _put(self, text: str) -> None:
        if not self.line:
            self._start_line()
        elif self.space and text:
            self.line.append(" ")
        self.space = False
        self.line.append(text)
        if self.address:
            self.label.append(text)

    def _start_line(self) -> None:
        if self.gap > 1 and self.lines:
            self.lines.append(self._margin(min(self.quotes, self.quotes_before)).rstrip())
        self.gap = 0
        self.quotes_before = self.quotes
        depth = min(len(self.lists), _DEEPEST)
        indent = "  " * (depth - 1 if self.mark else depth)
        self.line.append(self._margin(self.quotes) + indent + self.mark)
        self.mark = ""

    def _margin(self, quotes: int) -> str:
        return "> " * min(quotes, _DEEPEST)

    def _end_line(self, gap: int, *, always: bool = False) -> None:
        """Ends the line if there is one; `always` leaves a blank one where there is none."""
        if self.line:
            self.lines.append("".join(self.line).rstrip().removesuffix(" |"))
            self.line = []
        elif always:
            gap = 2
        self.gap = max(self.gap, gap)
        self.space = False

    def _alone(self, text: str) -> None:
        self._end_line(1)
        self._put(text)
        self._end_line(1)

    def _write_lines(self, text: str) -> None:
        for number, line in enumerate(text.split("\n")):
            if number:
                self._end_line(1, always=True)
            if line.strip():
                self._put(line.rstrip())

    def _end_link(self) -> None:
        """Writes the address after its label, unless the label says it."""
        address, self.address = self.address, ""
        label = "".join(self.label).strip()
        self.label = []
        if not address or address in (label, f"http://{label}", f"https://{label}", f"https://{label}/"):
            return
        self.space = self.space or bool(label)
        self._put(f"<{address}>" if label else address)


def _address(href: str) -> str:
    """`href` as text; nothing where it leads nowhere outside of the mail."""
    href = "".join(_CONTROLS.sub("", href).split())
    return "" if _NOWHERE.match(href) else _PLAIN_SCHEME.sub("", href, count=1)
