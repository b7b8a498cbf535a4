"""SMTPeter's language (its contract §4.4): Smarty's values with modifiers, arithmetic, conditions, loops, assignments.
Nothing is escaped but by its modifier. What does not begin a tag is text.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from templates_app import errors
from templates_app.rendering.expressions import Address, Expression
from templates_app.rendering.instructions import (
    Assignment,
    Branch,
    Choice,
    Computed,
    Instruction,
    Link,
    Literal,
    Loop,
)
from templates_app.rendering.smarty import patterns
from templates_app.rendering.smarty.lexing import Lexer, NotUnderstood, Tag
from templates_app.rendering.smarty.parsing import Parser
from templates_app.rendering.targets import Limits

OPENINGS = (
    *("{$", "{/", "{if", "{else", "{foreach", "{assign", "{literal", "{hash"),
    *("{ldelim", "{rdelim", "[ldelim]", "[rdelim]"),
)


def parse(source: str, limits: Limits) -> tuple[Instruction, ...]:
    """The instructions of `source`.

    Raises TemplateSyntaxError with the line and the tag, and RenderLimit for what `limits` forbid.
    """
    if source.count("regex_replace") > patterns.MOST_USES:
        raise errors.RenderLimit(f"It has more than {patterns.MOST_USES} patterns.")
    return _Statements(source, limits).parse()


@dataclass(slots=True)
class _Block:
    """An open block: what closes it, its finished branches, and the one that is being read."""

    start: int = 0
    word: str = ""
    branches: list[Branch] = field(default_factory=list)
    condition: Expression | None = None
    loop: Loop | None = None
    body: list[Instruction] = field(default_factory=list)
    is_last: bool = False

    def finish_branch(self) -> None:
        self.branches.append(Branch(self.condition, tuple(self.body)))
        self.body = []

    def instruction(self) -> Instruction:
        self.finish_branch()
        if self.loop is None:
            return Choice(tuple(self.branches))
        body, *otherwise = [branch.body for branch in self.branches]
        return Loop(self.loop.over, self.loop.item, self.loop.key, body, *otherwise)


class _Statements:
    def __init__(self, source: str, limits: Limits) -> None:
        self.limits = limits
        self.lexer = Lexer(source, limits)
        self.blocks = [_Block()]
        self.verbs: dict[str, Callable[[Parser, Tag], None]] = {
            "if": self._if,
            "elseif": self._elseif,
            "else": self._else,
            "foreach": self._foreach,
            "foreachelse": self._foreachelse,
            "assign": self._assign,
            "/if": self._close,
            "/foreach": self._close,
            "": self._shown,
            "hash": self._hash,
        }

    def parse(self) -> tuple[Instruction, ...]:
        for piece in self.lexer.pieces():
            if isinstance(piece, Tag):
                self._read(piece)
            elif piece:
                self._body.append(Literal(piece))
        block = self.blocks[-1]
        if len(self.blocks) > 1:
            self._refuse(block.start, f"{self.lexer.excerpt(block.start)} is not closed")
        return tuple(block.body)

    @property
    def _body(self) -> list[Instruction]:
        return self.blocks[-1].body

    def _read(self, tag: Tag) -> None:
        verb = self.verbs.get(tag.word)
        if verb is None:
            self._refuse(tag.start, f"{self.lexer.excerpt(tag.start)} closes nothing")
        parser = Parser(tag.tokens)
        try:
            verb(parser, tag)
            parser.end()
        except NotUnderstood as error:
            self._refuse(tag.start, f"{self.lexer.excerpt(tag.start)}: {error}")

    def _refuse(self, start: int, detail: str) -> NoReturn:
        raise self.lexer.refusal(start, detail)

    def _shown(self, parser: Parser, tag: Tag) -> None:
        expression = parser.expression()
        name = parser.assigned_by(expression)
        if name:
            self._body.append(Assignment(name, parser.expression()))
        elif isinstance(expression, Address):
            self._body.append(Link(expression.kind))
        else:
            self._body.append(Computed(expression))

    def _hash(self, parser: Parser, tag: Tag) -> None:
        self._body.append(Computed(parser.hash()))

    def _assign(self, parser: Parser, tag: Tag) -> None:
        expression = parser.expression()
        parser.expect("to")
        self._body.append(Assignment(parser.variable(), expression))

    def _if(self, parser: Parser, tag: Tag) -> None:
        self._open(_Block(tag.start, "if", condition=parser.expression()))

    def _elseif(self, parser: Parser, tag: Tag) -> None:
        self._next_branch("if", tag)
        self.blocks[-1].condition = parser.expression()

    def _else(self, parser: Parser, tag: Tag) -> None:
        if parser.word("if"):
            self._elseif(parser, tag)
            return
        self._next_branch("if", tag)
        self.blocks[-1].condition = None
        self.blocks[-1].is_last = True

    def _foreach(self, parser: Parser, tag: Tag) -> None:
        first = parser.expression()
        item = parser.named(first) if parser.word("in") else ""
        if item:
            loop = Loop(parser.expression(), item, "", ())
        else:
            parser.expect("as")
            item, key = parser.variable(), ""
            if parser.word("=>"):
                item, key = parser.variable(), item
            loop = Loop(first, item, key, ())
        self._open(_Block(tag.start, "foreach", loop=loop))

    def _foreachelse(self, parser: Parser, tag: Tag) -> None:
        self._next_branch("foreach", tag)
        self.blocks[-1].is_last = True

    def _next_branch(self, word: str, tag: Tag) -> None:
        block = self.blocks[-1]
        if block.word != word or block.is_last:
            raise NotUnderstood(f"it stands outside of its {{{word}}}")
        block.finish_branch()

    def _open(self, block: _Block) -> None:
        if len(self.blocks) > self.limits.depth:
            raise errors.RenderLimit(f"Its blocks are nested more than {self.limits.depth} deep.")
        self.blocks.append(block)

    def _close(self, parser: Parser, tag: Tag) -> None:
        block = self.blocks[-1]
        if f"/{block.word}" != tag.word:
            raise NotUnderstood("it closes nothing" if not block.word else f"{{/{block.word}}} is missing")
        self.blocks.pop()
        self._body.append(block.instruction())
