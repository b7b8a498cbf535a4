"""The subjects of mails, as their recipients see them."""

from __future__ import annotations

from functools import lru_cache

from spooling.models import Mail
from templates_app import rendering
from templates_app.errors import TemplateError


def shown(mail: Mail) -> str:
    """With this recipient's variables; as it was written where that cannot be rendered."""
    source: str = mail.content.subject
    if "{" not in source:
        return source
    try:
        return str(_program(source, mail.content.template_language).render(mail.variables))
    except TemplateError:
        return source


@lru_cache(maxsize=256)
def _program(source: str, language: str) -> rendering.Program[str]:
    return rendering.compile(
        source, language=language, escape=rendering.Escape.NONE, transfer=rendering.Transfer.PLAIN
    )
