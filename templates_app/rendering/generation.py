"""An instruction tree as the source of one Python function: straight lines and loops over local variables.
Values take a fast path while they are short and hold nothing special; the rest is `values` and `transfer`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from templates_app import errors
from templates_app.rendering import expressions, links, runs, transfer
from templates_app.rendering.expressions import Expression, Surroundings
from templates_app.rendering.instructions import (
    Assignment,
    Block,
    Choice,
    Computed,
    Instruction,
    Inverted,
    Link,
    Literal,
    Loop,
    Piece,
    Section,
    Variable,
    assigned_names,
    computed,
    inside,
)
from templates_app.rendering.runs import Place
from templates_app.rendering.scopes import Scopes
from templates_app.rendering.targets import Escape, Target, Transfer
from templates_app.rendering.transfer import Slot

#: A text value up to this long costs its output nothing but its step.
_SHORT_TEXT = 200

_HTML_SPECIALS = "&<>\"'"


@dataclass(frozen=True, slots=True)
class Code:
    """The source of `render(variables, links)`, and the constants that it takes from its globals by name."""

    source: str
    constants: dict[str, object]


def generate(body: Sequence[Instruction], target: Target) -> Code:
    """The code of a program; raises RenderLimit when the literals alone exceed the output."""
    generator = _Generator(target, _assigned(body))
    top = generator.run_and_sections(body, Scopes(), last=True)
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
        *[f"    budget = new_budget({target.limits.steps})"] * _pays(body),
        *generator.assigned_lines(),
        *generator.lines,
        f"    result = {result}",
        f"    if len(result) > {target.limits.output}: too_much_output()",
        "    return result",
    ]
    return Code("\n".join(lines), generator.constants)


@dataclass(slots=True)
class _Cost:
    """What one pass over a body takes whatever its values are."""

    steps: int = 0
    characters: int = 0


def _assigned(body: Sequence[Instruction]) -> dict[str, str]:
    """The local variable of each name that the template gives values itself."""
    return {name: f"x{number}" for number, name in enumerate(dict.fromkeys(assigned_names(body)))}


def _pays(body: Sequence[Instruction]) -> bool:
    return any(
        any(map(expressions.pays, computed(instruction))) or any(map(_pays, inside(instruction)))
        for instruction in body
    )


@dataclass(slots=True)
class _Generator:
    target: Target
    assigned: dict[str, str]
    lines: list[str] = field(default_factory=list)
    constants: dict[str, object] = field(default_factory=dict)
    #: The names of constants by their ids, which live as long as `constants` do.
    known: dict[int, str] = field(default_factory=dict)

    def assigned_lines(self) -> list[str]:
        """What the assigned variables are before they are: the mail's own, or nothing."""
        return [
            f"    {variable} = c0[{name!a}] if {name!a} in c0 else None"
            for name, variable in self.assigned.items()
        ]

    def run_and_sections(self, body: Sequence[Instruction], scopes: Scopes, *, last: bool = False) -> _Cost:
        """Writes `body`; its straight runs between sections are written as one piece each."""
        cost = _Cost()
        stretches = runs.between_blocks(body)
        for position, run in enumerate(stretches):
            if isinstance(run, list):
                pieces = self._placed(list(runs.joined(run)), last=last and position == len(stretches) - 1)
                cost.steps += sum(_steps(piece.value) for piece in pieces if isinstance(piece, Slot))
                cost.characters += sum(len(piece) for piece in pieces if isinstance(piece, str))
                self._write_run(pieces, scopes)
            else:
                cost.steps += 1 + sum(map(expressions.steps, computed(run)))
                self._write_block(run, scopes)
        return cost

    def _placed(self, run: list[Piece], *, last: bool) -> list[Place]:
        if self.target.transfer is Transfer.QUOTED_PRINTABLE:
            for literal in run:
                if isinstance(literal, Literal):
                    transfer.check_size(literal.text, self.target.limits.output)
            return list(transfer.place(run, last=last))
        return [item.text if isinstance(item, Literal) else Slot(item) for item in run]

    def _write(self, scopes: Scopes, *lines: str) -> None:
        self.lines.extend(scopes.indent + line for line in lines)

    def _write_run(self, pieces: list[Place], scopes: Scopes) -> None:
        for group in runs.groups(pieces):
            slots = [piece for piece in group if isinstance(piece, Slot)]
            self._write_values(slots, scopes)
            numbers = iter(range(len(slots)))
            shown = [f"v{next(numbers)}" if isinstance(piece, Slot) else self._kept(piece) for piece in group]
            self._write(scopes, f"out += ({', '.join(shown)},)")

    def _shown(self, value: Piece, scopes: Scopes) -> str:
        """The expression of a value, of a link, or of a literal in a link's target."""
        if isinstance(value, Literal):
            return self._kept(value.text)
        if isinstance(value, Link):
            return self._followed(value, scopes)
        if isinstance(value, Computed):
            return self._computed(value.expression, absent='""')
        absent = self._kept(value.absent) if value.absent else '""'
        return scopes.value(value.path, absent=absent)

    def _followed(self, link: Link, scopes: Scopes) -> str:
        kind = link.kind.name
        if link.kind is links.LinkKind.PIXEL:
            return "pixel(links)"
        if link.is_fixed:
            return f"links({kind}, {self._kept(link.fixed_target)})"
        pieces = "".join(f"{self._part(piece, scopes)}, " for piece in link.target)
        return f"follow(links, {kind}, texts(({pieces}), text), {self.target.escape is Escape.HTML})"

    def _part(self, piece: Piece, scopes: Scopes) -> str:
        """The expression of a piece of a target: escaped as it stands in HTML, as following takes escapes off."""
        shown = self._shown(piece, scopes)
        return f"html(text({shown}), room)" if self._escapes(piece) else shown

    def _kept(self, constant: object) -> str:
        """The name of a constant. A text in the source would be escaped and parsed: ten times its memory."""
        name = self.known.get(id(constant))
        if name is None:
            name = self.known[id(constant)] = f"k{len(self.constants)}"
            self.constants[name] = constant
        return name

    def _computed(self, expression: Expression, *, absent: str = "None") -> str:
        return expressions.python(expression, self._surroundings, absent=absent)

    @property
    def _surroundings(self) -> Surroundings:
        return Surroundings(self._kept, self.assigned)

    def _write_values(self, slots: list[Slot], scopes: Scopes) -> None:
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

    def _escapes(self, value: Piece) -> bool:
        return isinstance(value, Variable) and value.escape and self.target.escape is Escape.HTML

    def _writer(self, slot: Slot) -> str:
        """The function for a value that is not short and harmless."""
        if not self._quoted:
            return "html" if self._escapes(slot.value) else "plain"
        return "qp" + "_html" * self._escapes(slot.value) + "_first" * slot.at_line_start

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
        return _HTML_SPECIALS * any(self._escapes(slot.value) for slot in slots) + "=" * self._quoted

    def _write_block(self, block: Block, scopes: Scopes) -> None:
        match block:
            case Choice():
                self._write_choice(block, scopes)
            case Loop():
                self._write_loop(block, scopes)
            case Assignment(name=name, expression=expression):
                self._write(scopes, f"{self.assigned[name]} = {self._computed(expression)}")
            case Section() | Inverted():
                self._write_section(block, scopes)

    def _write_choice(self, choice: Choice, scopes: Scopes) -> None:
        for number, branch in enumerate(choice.branches):
            if branch.condition is None:
                self._write(scopes, "else:")
            else:
                condition = expressions.truth(branch.condition, self._surroundings)
                self._write(scopes, f"{'elif' if number else 'if'} {condition}:")
            self._write_body(branch.body, scopes.below(), head=[])

    def _write_loop(self, loop: Loop, scopes: Scopes) -> None:
        over, most = self._computed(loop.over), self.target.limits.steps
        item = self.assigned[loop.item]
        if loop.key:
            self._write(scopes, f"s = pairs({over}, {most})")
            item = f"{self.assigned[loop.key]}, {item}"
        else:
            self._write(scopes, f"s = elements({over}, {most})")
        self._write(scopes, "if s:")
        within = scopes.below()
        self._write_body(loop.body, within.below(), head=[f"for {item} in s:", " pass"])
        if loop.otherwise:
            self._write(scopes, "else:")
            self._write_body(loop.otherwise, within, head=[])

    def _write_section(self, block: Section | Inverted, scopes: Scopes) -> None:
        value = scopes.value(block.path, absent="None")
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

    def _write_body(self, body: Sequence[Instruction], scopes: Scopes, *, head: list[str]) -> None:
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


def _steps(value: Piece) -> int:
    return expressions.steps(value.expression) if isinstance(value, Computed) else 1
