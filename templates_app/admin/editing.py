"""What the editor shows while somebody types: the mail with sample variables, or what is wrong, and in which line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from templates_app import conversions, previews, templates, wordings
from templates_app.admin.forms import SourceField, VariablesField
from templates_app.errors import Flaw, TemplateRefused
from templates_app.models import Language, Template

#: Names of variables of which the page says that they have no sample.
MOST_NAMED = 20
#: How every language's front-end tells the place.
_LINE = re.compile(r"\bLine (\d{1,9}):")
#: Stands before a customer's HTML in a frame of ours that is sandboxed too: it fetches nothing and leads nowhere.
_FENCE = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
    "style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'\"><base target=\"_blank\">"
)
_DOCTYPE = "<!doctype html"


class DraftForm(forms.Form):
    """A wording that nobody has saved yet."""

    language = forms.ChoiceField(choices=Language.choices)
    from_email = forms.CharField(required=False)
    from_name = forms.CharField(required=False, strip=False)
    subject = forms.CharField(required=False, strip=False)
    html = SourceField(rows=1)
    text = SourceField(rows=1)
    inline_css = forms.BooleanField(required=False)
    text_from_html = forms.BooleanField(required=False)
    sample_variables = VariablesField(required=False)


def answer(form: DraftForm) -> dict[str, Any]:
    """What the page needs to show: `shown`, or else `flaws`, each with its field and, where known, its line."""
    if not form.is_valid():
        return {"shown": None, "flaws": _told(_refusals(form)), "missing": []}
    asked = form.cleaned_data
    try:
        texts = _wording(asked)
        shown = previews.rendered(texts, asked["language"], asked["sample_variables"])
        names = previews.names(texts, asked["language"])
    except TemplateRefused as refused:
        return {"shown": None, "flaws": _told(refused.flaws), "missing": []}
    missing = [name for name in names if name not in asked["sample_variables"]]
    return {"shown": shown | {"html": _fenced(shown["html"])}, "flaws": [], "missing": missing[:MOST_NAMED]}


def samples(template: Template) -> dict[str, str]:
    """To begin with: each variable of the current version with its own name for a value."""
    try:
        names = previews.names(templates.texts_of(templates.current(template)), template.language)
    except TemplateRefused:
        # An erasure may have left what no language reads.
        names = []
    return {name: name for name in names}


def _wording(asked: Mapping[str, Any]) -> dict[str, str]:
    """The texts as they would be saved. Raises TemplateRefused."""
    texts = {name: asked[name] for name in wordings.FIELDS}
    if flaws := [*wordings.flaws(texts, asked["language"])]:
        raise TemplateRefused(flaws)
    options = {name: asked[name] for name in ("inline_css", "text_from_html")}
    return dict(conversions.applied(texts, asked["language"], **options))


def _refusals(form: DraftForm) -> Iterable[Flaw]:
    for field, errors in form.errors.get_json_data().items():
        yield from (Flaw(field, error["code"], error["message"]) for error in errors)


def _told(flaws: Iterable[Flaw]) -> list[dict[str, Any]]:
    return [{"field": flaw.field, "message": flaw.message, "line": _line(flaw.message)} for flaw in flaws]


def _line(message: str) -> int | None:
    place = _LINE.search(message)
    return int(place[1]) if place else None


def _fenced(html: str) -> str:
    """A doctype stays in front: it chooses how all is laid out."""
    if not html:
        return ""
    front = "<!DOCTYPE html>" if html.lstrip()[: len(_DOCTYPE)].lower() == _DOCTYPE else ""
    return front + _FENCE + html
