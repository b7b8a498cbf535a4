"""The modifier `regex_replace`, by RE2: no pattern takes exponential time, and what it takes can be told beforehand.
Patterns that RE2 does not know, with what looks around or back, are refused.
"""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from templates_app import errors
from templates_app.rendering import values
from templates_app.rendering.expressions import Call, Constant, Expression
from templates_app.rendering.operations import Budget, is_container
from templates_app.rendering.smarty.lexing import NotUnderstood

if TYPE_CHECKING:
    import re2

LONGEST_PATTERN = 500
#: How often a template may use the modifier: a pattern takes up to 2 ms to compile.
MOST_USES = 32
#: Instructions of the largest program.
_LARGEST = 4_000
#: So many characters times instructions take as long as one character that is copied.
_WORK_OF_CHARACTER = 16
#: What compiling a pattern takes at most, in characters that are copied.
_COMPILING = 32_768
#: What a match takes, in the same.
_MATCH = 32
_MEMORY = 512 * 1024

_ATOM = r"(?:\\[dDwWsS]|\[\^?\]?(?:[^\]\\\[]|\\.)+\]|[^\\()|*+?{}\[\]^$])"
#: Patterns whose searches end where they find: of a fixed length, or one character repeated.
_is_local = re.compile(rf"(?:[^*+{{\\]|\\.)*+|{_ATOM}[*+]", re.DOTALL).fullmatch
_REFERENCE = re.compile(r"\$(?:(&)|(\d\d?)|\{(\d\d?)\}|(\$))|\\(\d)")


def prepared(arguments: tuple[Expression, ...]) -> Call:
    """The call for a value, a pattern and what replaces it; a constant pattern is compiled once.

    Raises NotUnderstood and RenderLimit for one that cannot be used.
    """
    value, pattern, instead = arguments
    if isinstance(pattern, Constant):
        return Call(_bound(_compiled(values.text(pattern.value))), (value, instead))
    return Call(replaced, arguments)


def replaced(budget: Budget, value: object, pattern: object, instead: object) -> object:
    """`value` with each match replaced. A computed pattern that cannot be used has no effect."""
    budget.take(_COMPILING)
    try:
        compiled = _compiled(values.text(pattern))
    except NotUnderstood:
        return value
    return _substituted(budget, compiled, value, instead)


def _bound(compiled: "re2._Regexp[str]") -> Callable[..., object]:
    def replace(budget: Budget, value: object, instead: object) -> object:
        return _substituted(budget, compiled, value, instead)

    return replace


def _substituted(budget: Budget, compiled: "re2._Regexp[str]", value: object, instead: object) -> object:
    if is_container(value):
        return value
    text = values.text(value)
    size, local = compiled.programsize, bool(_is_local(compiled.pattern))
    budget.take(2 * len(text) + len(text) * size // _WORK_OF_CHARACTER)
    text = text.encode("utf-8", "replace").decode()
    parts = _parts(values.text(instead))
    made, position = [], 0
    for match in compiled.finditer(text):
        searched = 0 if local else (len(text) - match.start()) * size // _WORK_OF_CHARACTER
        shown = _shown(match, parts)
        budget.pay(_MATCH + searched + sum(map(len, shown)))
        made += [text[position : match.start()], *shown]
        position = match.end()
    return "".join([*made, text[position:]])


def _shown(match: "re2._Match[str]", parts: Sequence[str | int]) -> list[str]:
    groups = match.re.groups
    return [
        part if isinstance(part, str) else (match[part] or "") if part <= groups else "" for part in parts
    ]


def _parts(replacement: str) -> list[str | int]:
    """A replacement as its texts and the numbers of groups; `$&` is group 0."""
    parts: list[str | int] = []
    position = 0
    for found in _REFERENCE.finditer(replacement):
        whole, number, braced, dollar, escaped = found.groups()
        parts.append(replacement[position : found.start()])
        parts.append("$" if dollar else 0 if whole else int(number or braced or escaped))
        position = found.end()
    return [*parts, replacement[position:]]


def _compiled(pattern: str) -> "re2._Regexp[str]":
    # Imported when it is needed: few templates have patterns.
    import re2

    if len(pattern) > LONGEST_PATTERN:
        raise errors.RenderLimit(f"A pattern is longer than {LONGEST_PATTERN} characters.")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        compiled = re2.compile(pattern.encode("utf-8", "replace").decode(), options)
    except re2.error as error:
        reason = error.args[0] if error.args else b""
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise NotUnderstood(f"its pattern cannot be used: {text[:100]}") from None
    if compiled.programsize > _LARGEST:
        raise errors.RenderLimit("A pattern is too large.")
    return compiled
