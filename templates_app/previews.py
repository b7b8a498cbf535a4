"""A version as one recipient would see it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from templates_app import rendering, wordings
from templates_app.errors import Flaw, TemplateError, TemplateRefused
from templates_app.rendering import Escape, Program, Transfer

_BREAKS = re.compile(r"[\r\n\0]+")


def rendered(texts: Mapping[str, str], language: str, variables: Mapping[str, Any]) -> dict[str, str]:
    """The texts with their tags replaced, what becomes a header field on one line.

    Raises TemplateRefused, with a flaw for each text that is too large, takes too many steps or meets a value that it
    cannot show.
    """
    shown, flaws = dict(texts), []
    for field in wordings.TAGGED:
        try:
            text = _program(field, texts[field], language).render(variables)
        except TemplateError as error:
            flaws.append(Flaw(field, error.code, str(error)))
        else:
            shown[field] = _BREAKS.sub(" ", text) if field in wordings.LINES else text
    if flaws:
        raise TemplateRefused(flaws)
    return shown


def names(texts: Mapping[str, str], language: str) -> list[str]:
    """The top-level names of the variables that the texts use, sorted. Raises TemplateRefused."""
    found: set[str] = set()
    for field in wordings.TAGGED:
        try:
            found |= _program(field, texts[field], language).names
        except TemplateError as error:
            raise TemplateRefused([Flaw(field, error.code, str(error))]) from None
    return sorted(found)


def _program(field: str, source: str, language: str) -> Program[str]:
    escape = Escape.HTML if field == "html" else Escape.NONE
    return rendering.compile(source, language=language, escape=escape, transfer=Transfer.PLAIN)
