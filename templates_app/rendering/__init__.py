"""Templates as compiled programs: a front-end per language, one program, two transfer encodings.
Pure: no ORM, no clock, no settings.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, overload

from templates_app import errors
from templates_app.rendering import braces, mustache, plain, program, smarty
from templates_app.rendering.links import LinkKind, Links, direct
from templates_app.rendering.links import none as no_links
from templates_app.rendering.links import untracked
from templates_app.rendering.program import Program
from templates_app.rendering.targets import Escape, Limits, Target, Transfer

__all__ = [
    "LANGUAGES",
    "LONGEST_SOURCE",
    "Escape",
    "Limits",
    "LinkKind",
    "Links",
    "Program",
    "Target",
    "Transfer",
    "check",
    "compile",
    "direct",
    "effort",
    "holds_tags",
    "no_links",
    "untracked",
]

_LIMITS = Limits()
#: Characters of the longest source that is compiled.
LONGEST_SOURCE = _LIMITS.source


@dataclass(frozen=True, slots=True)
class Language:
    """A front-end. A source without any of `openings` holds no tag; `parse` refuses what is wrong or has too much."""

    openings: tuple[str, ...]
    parse: Callable[[str, Limits], Any]
    build: Callable[[Any, Target], Program[str] | Program[bytes]] = program.build
    #: How many tags of our own languages take as long to parse as one of this.
    weight: int = 1

    def tags(self, source: str) -> int:
        """How many tags `source` may hold at most; 0 for none at all."""
        return sum(map(source.count, self.openings))

    def parsed(self, source: str) -> Any:
        """What `build` takes. Raises TemplateSyntaxError, and RenderLimit for a source that is too large."""
        if len(source) > _LIMITS.source:
            raise errors.RenderLimit(f"Its source is longer than {_LIMITS.source} characters.")
        return self.parse(source, _LIMITS)


# Imported when it is needed: the library takes 0.2 s and 14 MiB of every process.
def _parse_liquid(source: str, limits: Limits) -> Any:
    from templates_app.rendering import liquid

    return liquid.parse(source, limits)


def _build_liquid(parsed: Any, target: Target) -> Program[str] | Program[bytes]:
    from templates_app.rendering import liquid

    return liquid.build(parsed, target)


LANGUAGES = {
    "braces": Language(braces.OPENINGS, braces.parse),
    "liquid": Language(("{{", "{%"), _parse_liquid, _build_liquid, weight=10),
    "mustache": Language(mustache.OPENINGS, mustache.parse),
    "plain": Language(plain.OPENINGS, plain.parse),
    "smarty": Language(smarty.OPENINGS, smarty.parse, weight=10),
}

#: Characters of the longest source whose program is kept.
LONGEST_KEPT = 32_768
#: Tags up to which a program takes at most 90 KiB, and is kept among many; one of 1,000 tags takes 1 MiB.
FEW_TAGS = 100


@overload
def compile(
    source: str,
    *,
    language: str = ...,
    escape: Escape,
    transfer: Literal[Transfer.PLAIN],
    opens: bool = ...,
    clicks: bool = ...,
    spare_shown: bool = ...,
) -> Program[str]: ...


@overload
def compile(
    source: str,
    *,
    language: str = ...,
    escape: Escape,
    transfer: Literal[Transfer.QUOTED_PRINTABLE],
    opens: bool = ...,
    clicks: bool = ...,
    spare_shown: bool = ...,
) -> Program[bytes]: ...


def compile(
    source: str,
    *,
    language: str = "mustache",
    escape: Escape,
    transfer: Transfer,
    opens: bool = False,
    clicks: bool = False,
    spare_shown: bool = False,
) -> Program[str] | Program[bytes]:
    """The program of `source`. Short sources with tags are kept: programs send the same template call after call.

    `opens`, `clicks` and `spare_shown` are as in `Target`. Raises UnknownLanguage, TemplateSyntaxError, and
    RenderLimit for a source that is too large.
    """
    target = Target(
        escape=Escape(escape),
        transfer=Transfer(transfer),
        limits=_LIMITS,
        opens=opens,
        clicks=clicks,
        spare_shown=spare_shown,
    )
    tags = _named(language).tags(source) if len(source) <= LONGEST_KEPT else 0
    if not tags:
        return _compile(source, language, target)
    return (_kept_small if tags <= FEW_TAGS else _kept_large)(source, language, target)


def _compile(source: str, language: str, target: Target) -> Program[str] | Program[bytes]:
    front_end = _named(language)
    return front_end.build(front_end.parsed(source), target)


# What has no tag is one person's mail, is quick to compile, and must not outlive its erasure here.
_kept_small = lru_cache(maxsize=512)(_compile)
_kept_large = lru_cache(maxsize=32)(_compile)


def check(source: str, language: str = "mustache") -> None:
    """Raises what `compile` would raise for the syntax and the size of `source`, without compiling it."""
    front_end = _named(language)
    if front_end.tags(source) or len(source) > _LIMITS.source:
        front_end.parsed(source)


def effort(source: str, language: str) -> int:
    """How long `check` takes at most: in tags of our own languages, some 10 µs each. Raises UnknownLanguage."""
    front_end = _named(language)
    return min(front_end.tags(source), _LIMITS.tags + 1) * front_end.weight


def holds_tags(source: str, language: str) -> bool:
    """Whether `source` may hold a tag; one without says itself. Raises UnknownLanguage."""
    return _named(language).tags(source) > 0


def _named(language: str) -> Language:
    try:
        return LANGUAGES[language]
    except KeyError:
        raise errors.UnknownLanguage(f"It is {language!r}.") from None
