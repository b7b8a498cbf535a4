"""Which variables the contents of mails name."""

from __future__ import annotations

from collections.abc import Iterable

from spooling.campaigns import compositions
from spooling.models import Content
from spooling.outbox import contents
from spooling.outbox.drafts import NewContent
from templates_app import rendering
from templates_app.errors import TemplateError


def of(content_ids: Iterable[int]) -> dict[int, frozenset[str]]:
    """The top-level names that each stored content uses, those of its base included where that speaks for it."""
    rows = {row.pk: row for row in Content.objects.filter(pk__in=list(content_ids))}
    bases = {row.pk: row for row in Content.objects.filter(pk__in={row.base_id for row in rows.values()})}
    found = {}
    for pk, row in rows.items():
        base, own = bases.get(row.base_id or 0), contents.of_row(row)
        found[pk] = of_content(own if base is None else contents.overlaid(contents.of_row(base), own))
    return found


def of_content(content: NewContent) -> frozenset[str]:
    """The top-level names that a content uses."""
    sources = (source for _, source in compositions.templates(content) if source)
    return frozenset().union(*(_of_source(source, content.template_language) for source in sources))


def _of_source(source: str, language: str) -> frozenset[str]:
    try:
        return rendering.compile(
            source, language=language, escape=rendering.Escape.NONE, transfer=rendering.Transfer.PLAIN
        ).names
    except TemplateError:
        # Whoever renders it says what is wrong.
        return frozenset()
