"""An instruction tree as the source of one Python function: straight lines and loops over local variables.
Values take a fast path while they are short and hold nothing special; the rest is `values` and `transfer`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from templates_app import errors
from templates_app.rendering import links, transfer, values
from templates_app.rendering.instructions import (
    Instruction,
    Inverted,
    Link,
    Literal,
    Path,
    Piece,
    Section,
    Variable,
)
from templates_app.rendering.targets import Escape, Target, Transfer
from templates_app.rendering.transfer import Slot

#: What the generated source calls.
RUN_TIME: dict[str, object] = {
    "no_links": links.none,
    "follow": links.follow,
    "pixel": links.pixel,
    "texts": links.texts,
    **{kind.name: kind for kind in links.LinkKind},
    "text": values.text,
    "items": values.items,
    "scope": values.scope,
    "find": values.find,
    "walk": values.walk,
    "shown": values.shown,
    "qp_shown": transfer.shown,
    "plain": values.plain,
    "html": values.escaped,
    "qp": transfer.encode_value,
    "qp_first": transfer.encode_first_value,
    "qp_html": transfer.encode_html_value,
    "qp_html_first": transfer.encode_first_html_value,
    "too_much_output": values.too_much_output,
    "exhausted": values.exhausted,
}

#: Values checked together: more would send too many off the fast path for the sake of one.
_GROUP = 8

#: Beyond this many scopes a name is looked up by a call; in line, the source grows with tags × depth.
_SCOPES_IN_LINE = 3

#: A text value up to this long costs its output nothing but its step.
_SHORT_TEXT = 200

_HTML_SPECIALS = "&<>\"'"

Place = str | Slot


@dataclass(frozen=True, slots=True)
class Code:
    """The source of `render(variables, links)`, and the literals that it takes from its globals by name."""

    source: str
    literals: dict[str, str]


def generate(body: Sequence[Instruction], target: Target) -> Code:
    """The code of a program; raises RenderLimit when the literals alone exceed the output."""
    generator = _Generator(target)
    top = generator.run_and_sections(body, _Scopes(), last=True)
    room = target.limits.output - top.characters
    if room < 0:
        raise errors.RenderLimit("Its text alone is too much output.")
    result = '"".join(out)' if target.transfer is Transfer.PLAIN else '"".join(out).encode()'
    lines = [
        "def render(c0, links=no_links):",
        "    i0 = c0",
        f"    steps = {target.limits.steps - top.steps}",
        f"    room = {room}",
        "    out = []",
        *generator.lines,
        f"    result = {result}",
        f"    if len(result) > {target.limits.output}: too_much_output()",
        "    return result",
    ]
    return Code("\n".join(lines), generator.literals)


@dataclass(frozen=True, slots=True)
class _Scopes:
    """The nesting at one place: scope n is the mapping `c<n>` of the item `i<n>`, the innermost last."""

    depth: int = 0
    indent: str = "    "

    def names(self) -> list[str]:
        return [f"c{number}" for number in range(self.depth, -1, -1)]

    def inner(self) -> "_Scopes":
        return _Scopes(self.depth + 1, self.indent + " ")

    def below(self) -> "_Scopes":
        return _Scopes(self.depth, self.indent + " ")


@dataclass(slots=True)
class _Cost:
    """What one pass over a body takes whatever its values are."""

    steps: int = 0
    characters: int = 0


@dataclass(slots=True)
class _Generator:
    target: Target
    lines: list[str] = field(default_factory=list)
    literals: dict[str, str] = field(default_factory=dict)

    def run_and_sections(self, body: Sequence[Instruction], scopes: _Scopes, *, last: bool = False) -> _Cost:
        """Writes `body`; its straight runs between sections are written as one piece each."""
        cost = _Cost()
        runs = _runs(body)
        for position, run in enumerate(runs):
            if isinstance(run, list):
                pieces = self._placed(list(_joined(run)), last=last and position == len(runs) - 1)
                cost.steps += sum(isinstance(piece, Slot) for piece in pieces)
                cost.characters += sum(len(piece) for piece in pieces if isinstance(piece, str))
                self._write_run(pieces, scopes)
            else:
                cost.steps += 1
                self._write_block(run, scopes)
        return cost

    def _placed(self, run: list[Piece], *, last: bool) -> list[Place]:
        if self.target.transfer is Transfer.QUOTED_PRINTABLE:
            for literal in run:
                if isinstance(literal, Literal):
                    transfer.check_size(literal.text, self.target.limits.output)
            return list(transfer.place(run, last=last))
        return [item.text if isinstance(item, Literal) else Slot(item) for item in run]

    def _write(self, scopes: _Scopes, *lines: str) -> None:
        self.lines.extend(scopes.indent + line for line in lines)

    def _write_run(self, pieces: list[Place], scopes: _Scopes) -> None:
        for group in _groups(pieces):
            slots = [piece for piece in group if isinstance(piece, Slot)]
            self._write_values(slots, scopes)
            numbers = iter(range(len(slots)))
            shown = [
                f"v{next(numbers)}" if isinstance(piece, Slot) else self._literal(piece) for piece in group
            ]
            self._write(scopes, f"out += ({', '.join(shown)},)")

    def _shown(self, value: Piece, scopes: _Scopes) -> str:
        """The expression of a value, of a link, or of a literal in a link's target."""
        if isinstance(value, Literal):
            return self._literal(value.text)
        if isinstance(value, Link):
            return self._followed(value, scopes)
        absent = self._literal(value.absent) if value.absent else '""'
        return _value(value.path, scopes, absent=absent)

    def _followed(self, link: Link, scopes: _Scopes) -> str:
        kind = link.kind.name
        if link.kind is links.LinkKind.PIXEL:
            return "pixel(links)"
        if link.is_fixed:
            return f"links({kind}, {self._literal(link.fixed_target)})"
        pieces = "".join(f"{self._shown(piece, scopes)}, " for piece in link.target)
        return f"follow(links, {kind}, texts(({pieces}), text), {self.target.escape is Escape.HTML})"

    def _literal(self, text: str) -> str:
        """The name of `text`. In the source it would be escaped and parsed: ten times its memory."""
        name = f"text{len(self.literals)}"
        self.literals[name] = text
        return name

    def _write_values(self, slots: list[Slot], scopes: _Scopes) -> None:
        for number, slot in enumerate(slots):
            name = f"v{number}"
            self._write(scopes, f"{name} = {self._shown(slot.value, scopes)}")
        if not slots:
            return
        names = [f"v{number}" for number in range(len(slots))]
        types = " is ".join(f"type({name})" for name in names)
        self._write(
            scopes, f"if not ({types} is str): {', '.join(names)}, = texts(({', '.join(names)},), text)"
        )
        if self._quoted or self._specials(slots):
            together = "".join(f"{{{name}}}" for name in names)
            self._write(scopes, f"t = f{together!r}" if len(slots) > 1 else "t = v0")
        shown = "qp_shown" if self._quoted else "shown"
        writers = ", ".join(map(self._writer, slots))
        group = ", ".join(names)
        self._write(scopes, f"if {self._special(slots)}:")
        self._write(scopes, f" ({group},), room = {shown}(({group},), ({writers},), room)")

    @property
    def _quoted(self) -> bool:
        return self.target.transfer is Transfer.QUOTED_PRINTABLE

    def _escapes(self, slot: Slot) -> bool:
        escape = isinstance(slot.value, Variable) and slot.value.escape
        return escape and self.target.escape is Escape.HTML

    def _writer(self, slot: Slot) -> str:
        """The function for a value that is not short and harmless."""
        if not self._quoted:
            return "html" if self._escapes(slot) else "plain"
        return "qp" + "_html" * self._escapes(slot) + "_first" * slot.at_line_start

    def _special(self, slots: list[Slot]) -> str:
        """The condition that some value of the group is long or holds something special."""
        most = transfer.SHORT if self._quoted else _SHORT_TEXT
        tests = [f"len(v{number}) > {most}" for number in range(len(slots))]
        tests += [f"v{number}[:1] in '.F'" for number, slot in enumerate(slots) if slot.at_line_start]
        if self._quoted:
            tests += ["not t.isascii()", "not t.isprintable()"]
        tests += [f"{character!r} in t" for character in self._specials(slots)]
        return " or ".join(tests)

    def _specials(self, slots: list[Slot]) -> str:
        return _HTML_SPECIALS * any(map(self._escapes, slots)) + "=" * self._quoted

    def _write_block(self, block: Section | Inverted, scopes: _Scopes) -> None:
        value = _value(block.path, scopes, absent="None")
        self._write(scopes, f"s = {value}")
        self._write(scopes, f"if type(s) is not list: s = items(s, {self.target.limits.steps})")
        if isinstance(block, Inverted):
            self._write(scopes, "if not s:")
            self._write_body(block.body, scopes.below(), head=[])
        else:
            inner = scopes.inner()
            item = f"i{inner.depth}"
            loop = [
                f"for {item} in s:",
                f" c{inner.depth} = {item} if type({item}) is dict else scope({item})",
            ]
            self._write_body(block.body, inner, head=loop)

    def _write_body(self, body: Sequence[Instruction], scopes: _Scopes, *, head: list[str]) -> None:
        """Writes `body` under the loop of `head`, or under none, with what all its passes cost before it."""
        start = len(self.lines)
        cost = self.run_and_sections(body, scopes)
        times = " * len(s)" if head else ""
        indent = scopes.indent[:-1] if head else scopes.indent
        charges = [
            f"steps -= {cost.steps + 1}{times}",
            f"room -= {cost.characters}{times}",
            "if steps < 0 or room < 0: exhausted(steps)",
        ]
        self.lines[start:start] = [indent + line for line in charges + head]


def _value(path: Path, scopes: _Scopes, *, absent: str = '""') -> str:
    """The expression of the value at `path`; `absent` is the expression of none."""
    if path.rest:
        return f"walk({_value(Path(path.name), scopes, absent='None')}, {ascii(path.rest)})"
    if not path.name:
        return f"i{scopes.depth}"
    key = ascii(path.name)
    names = scopes.names()
    if len(names) > _SCOPES_IN_LINE:
        return f"find({key}, ({', '.join(names)}))"
    return " ".join(f"{name}[{key}] if {key} in {name} else" for name in names) + f" {absent}"


def _runs(body: Sequence[Instruction]) -> list[list[Piece] | Section | Inverted]:
    """`body` with what lies between two sections gathered, literals joined."""
    runs: list[list[Piece] | Section | Inverted] = []
    for instruction in body:
        if isinstance(instruction, Section | Inverted):
            runs.append(instruction)
        elif runs and isinstance(runs[-1], list):
            runs[-1].append(instruction)
        else:
            runs.append([instruction])
    return runs


def _joined(run: list[Piece]) -> Iterator[Piece]:
    """`run` with neighbouring literals as one; they meet where a comment was."""
    for is_literal, items in groupby(run, lambda item: isinstance(item, Literal)):
        if is_literal:
            yield Literal("".join(item.text for item in items if isinstance(item, Literal)))
        else:
            yield from items


def _groups(pieces: Sequence[Place]) -> Iterator[list[Place]]:
    """`pieces` in order, with at most _GROUP slots in each list."""
    group: list[Place] = []
    room = _GROUP
    for piece in pieces:
        if isinstance(piece, Slot):
            if not room:
                yield group
                group, room = [], _GROUP
            room -= 1
        group.append(piece)
    yield group
