"""Templates as compiled programs: a front-end per language, one program, two transfer encodings.
Pure: no ORM, no clock, no settings.
"""

from types import ModuleType
from typing import Literal, overload

from templates_app import errors
from templates_app.rendering import mustache, program
from templates_app.rendering.program import Program
from templates_app.rendering.targets import Escape, Limits, Target, Transfer

__all__ = ["LANGUAGES", "Escape", "Limits", "Program", "Target", "Transfer", "check", "compile"]

#: Each front-end has `OPENING`, the text without which a source holds no tag, and `parse(source, limits)`.
LANGUAGES: dict[str, ModuleType] = {"mustache": mustache}

_LIMITS = Limits()


@overload
def compile(
    source: str, *, language: str = ..., escape: Escape, transfer: Literal[Transfer.PLAIN]
) -> Program[str]: ...


@overload
def compile(
    source: str, *, language: str = ..., escape: Escape, transfer: Literal[Transfer.QUOTED_PRINTABLE]
) -> Program[bytes]: ...


def compile(
    source: str, *, language: str = "mustache", escape: Escape, transfer: Transfer
) -> Program[str] | Program[bytes]:
    """The program of `source`; callers keep it, nothing is cached here.

    Raises UnknownLanguage, TemplateSyntaxError, and RenderLimit for a source that is too large.
    """
    instructions = _front_end(language).parse(source, _LIMITS)
    target = Target(escape=Escape(escape), transfer=Transfer(transfer), limits=_LIMITS)
    return program.build(instructions, target)


def check(source: str, language: str = "mustache") -> None:
    """Raises what `compile` would raise for the syntax and the size of `source`, without compiling it."""
    front_end = _front_end(language)
    if front_end.OPENING in source or len(source) > _LIMITS.source:
        front_end.parse(source, _LIMITS)


def _front_end(language: str) -> ModuleType:
    try:
        return LANGUAGES[language]
    except KeyError:
        raise errors.UnknownLanguage(f"It is {language!r}.") from None
