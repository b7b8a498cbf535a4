"""The expressions of a tag: tokens → trees. From the loosest: or, and, not, comparisons, + and -, * / %, modifiers."""

from collections.abc import Callable, Sequence
from typing import Any

from templates_app import errors
from templates_app.rendering import expressions, operations
from templates_app.rendering.expressions import (
    Address,
    Call,
    Constant,
    Expression,
    Item,
    Logic,
    Name,
    Negation,
)
from templates_app.rendering.links import LinkKind
from templates_app.rendering.smarty import modifiers
from templates_app.rendering.smarty.lexing import NotUnderstood, Token

#: How deep expressions may nest as they are written: reading each level takes 16 frames of Python's 1,000.
DEEPEST = 40
#: How deep their parts may lie in each other: each level is one bracket of those 200 that Python's own parser takes.
HIGHEST = 80

#: The page that shows the mail; it is always there, as `recipient` and `envelope` are, which are values.
WEB_VERSION = "webversion"

_END = Token("end", "")
_NOT = ("not", "!")
_ORS = ("or", "||")
_ANDS = ("and", "&&")
_EQUALITY: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("==", "eq"), operations.equal),
    **dict.fromkeys(("!=", "<>", "ne", "neq"), operations.unequal),
}
_ORDER: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("<", "lt"), operations.less),
    **dict.fromkeys(("<=", "lte", "le"), operations.at_most),
    **dict.fromkeys((">", "gt"), operations.more),
    **dict.fromkeys((">=", "gte", "ge"), operations.at_least),
}
_SUMS: dict[str, Callable[..., Any]] = {"+": operations.added, "-": operations.subtracted}
_PRODUCTS: dict[str, Callable[..., Any]] = {
    "*": operations.multiplied,
    "/": operations.divided,
    "%": operations.remainder,
}
_CONSTANTS = {"true": True, "false": False}


class Parser:
    """Reads the tokens of one tag. Its verbs raise NotUnderstood, and RenderLimit for what nests too deep."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._position = 0
        self._depth = 0

    def expression(self) -> Expression:
        made = self._expression()
        if expressions.height(made) > HIGHEST:
            raise errors.RenderLimit("An expression has too many parts in each other.")
        return made

    def variable(self) -> str:
        """The name of a variable that is assigned to."""
        return self.named(self._path_start(self._expect("variable").text))

    def named(self, expression: Expression) -> str:
        """The name of the variable that an expression is. Raises for whatever is more, or is none to assign."""
        if not isinstance(expression, Name):
            raise NotUnderstood("a variable is missing")
        return expression.name

    def assigned_by(self, expression: Expression) -> str:
        """The name that an `=` behind this expression assigns to; empty where there is none."""
        return self.named(expression) if self.word("=") else ""

    def hash(self) -> Expression:
        """The rest of a tag that begins with this function, with modifiers and operators behind it."""
        self._tokens = (Token("word", "hash"), *self._tokens)
        return self.expression()

    def word(self, *words: str) -> bool:
        """Whether one of these words or signs stands next; it is read."""
        token = self._peek()
        if token.kind not in ("word", "sign") or token.text.lower() not in words:
            return False
        self._position += 1
        return True

    def expect(self, *words: str) -> None:
        if not self.word(*words):
            raise NotUnderstood(f"{words[0]!r} is missing")

    def end(self) -> None:
        """Makes sure that nothing is left."""
        if self._position < len(self._tokens):
            raise NotUnderstood(f"{self._peek().text!r} is too much")

    def _peek(self) -> Token:
        return self._tokens[self._position] if self._position < len(self._tokens) else _END

    def _next(self) -> Token:
        token = self._peek()
        self._position += 1
        return token

    def _expect(self, kind: str) -> Token:
        token = self._next()
        if token.kind != kind:
            raise NotUnderstood(f"a {kind} is missing")
        return token

    def _nested(self, read: Callable[[], Expression]) -> Expression:
        self._depth += 1
        if self._depth > DEEPEST:
            raise errors.RenderLimit("An expression is nested too deep.")
        inner = read()
        self._depth -= 1
        return inner

    def _expression(self) -> Expression:
        return self._logic(_ORS, True, self._and)

    def _logic(self, words: tuple[str, ...], any_of: bool, read: Callable[[], Expression]) -> Expression:
        operands = [read()]
        while self.word(*words):
            operands.append(read())
        return Logic(tuple(operands), any_of) if len(operands) > 1 else operands[0]

    def _and(self) -> Expression:
        return self._logic(_ANDS, False, self._not)

    def _not(self) -> Expression:
        if self.word(*_NOT):
            return Negation(self._nested(self._not))
        return self._equality()

    def _equality(self) -> Expression:
        return self._chain(_EQUALITY, self._order)

    def _order(self) -> Expression:
        return self._chain(_ORDER, self._sum)

    def _sum(self) -> Expression:
        return self._chain(_SUMS, self._product)

    def _product(self) -> Expression:
        return self._chain(_PRODUCTS, self._operand)

    def _chain(self, table: dict[str, Callable[..., Any]], read: Callable[[], Expression]) -> Expression:
        """Operators of one strength, from the left."""
        left = read()
        while (token := self._peek()).kind in ("word", "sign") and token.text.lower() in table:
            self._position += 1
            left = Call(table[token.text.lower()], (left, read()))
        return left

    def _operand(self) -> Expression:
        if self.word("-"):
            return Call(operations.subtracted, (Constant(0), self._nested(self._operand)))
        if self.word(*_NOT):
            return Negation(self._nested(self._operand))
        return self._modified(self._primary())

    def _primary(self) -> Expression:
        token = self._next()
        match token.kind, token.text:
            case "variable", name:
                return self._path(self._path_start(name))
            case "number", written:
                return Constant(operations.number(written))
            case "text", said:
                return Constant(said)
            case "sign", "(":
                inner = self._nested(self._expression)
                self.expect(")")
                return inner
            case "word", word:
                return self._word(word.lower())
        raise NotUnderstood(
            f"{token.text!r} stands where a value should" if token.text else "a value is missing"
        )

    def _word(self, word: str) -> Expression:
        if word in _CONSTANTS:
            return Constant(_CONSTANTS[word])
        if word == "hash":
            return self._hash()
        raise NotUnderstood(f"{word!r} stands where a value should")

    def _hash(self) -> Expression:
        self.expect("(")
        hashed = self._nested(self._expression)
        self.expect(",")
        algorithm = self._expect("text").text.lower()
        self.expect(")")
        if algorithm not in modifiers.HASHES:
            raise NotUnderstood(f"there is no hash {algorithm!r}")
        return Call(modifiers.HASHES[algorithm], (hashed,))

    def _path_start(self, name: str) -> Expression:
        return Address(LinkKind.MIRROR) if name == WEB_VERSION else Name(name)

    def _path(self, value: Expression) -> Expression:
        """A variable with its keys and positions; `.4` is a position as `[4]` is."""
        while True:
            if self._peek().kind == "key":
                value = Item(value, Constant(self._next().text))
            elif self.word("["):
                value = Item(value, self._nested(self._expression))
                self.expect("]")
            else:
                return value

    def _modified(self, value: Expression) -> Expression:
        while self.word("|"):
            name = self._expect("word").text
            value = modifiers.applied(name, value, self._arguments())
        return value

    def _arguments(self) -> list[Expression]:
        """What follows the colons; a bare word is a text."""
        given: list[Expression] = []
        while self.word(":"):
            token = self._peek()
            if token.kind == "word" and token.text.lower() not in (*_CONSTANTS, "hash"):
                given.append(Constant(self._next().text))
            elif self.word("-"):
                given.append(Constant(-operations.number(self._expect("number").text)))
            else:
                given.append(self._primary())
        return given
