"""Templates as compiled programs: a front-end per language, one program, two transfer encodings.
Pure: no ORM, no clock, no settings.
"""

from functools import lru_cache
from types import ModuleType
from typing import Literal, overload

from templates_app import errors
from templates_app.rendering import mustache, program
from templates_app.rendering.program import Program
from templates_app.rendering.targets import Escape, Limits, Target, Transfer

__all__ = ["LANGUAGES", "Escape", "Limits", "Program", "Target", "Transfer", "check", "compile"]

#: Each front-end has `OPENING`, the text without which a source holds no tag, and `parse(source, limits)`.
LANGUAGES: dict[str, ModuleType] = {"mustache": mustache}

#: Characters of the longest source whose program is kept.
LONGEST_KEPT = 32_768

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
    """The program of `source`. Short sources with tags are kept: programs send the same template call after call.

    Raises UnknownLanguage, TemplateSyntaxError, and RenderLimit for a source that is too large.
    """
    target = Target(escape=Escape(escape), transfer=Transfer(transfer), limits=_LIMITS)
    shared = len(source) <= LONGEST_KEPT and _front_end(language).OPENING in source
    return (_kept if shared else _compile)(source, language, target)


def _compile(source: str, language: str, target: Target) -> Program[str] | Program[bytes]:
    return program.build(_front_end(language).parse(source, _LIMITS), target)


# What has no tag is one person's mail, is quick to compile, and must not outlive its erasure here.
_kept = lru_cache(maxsize=512)(_compile)


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
