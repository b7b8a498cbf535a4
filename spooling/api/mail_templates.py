"""Mails that name a template: what the template says comes into the letter, what the letter says itself stays."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Q

from earwig.web.errors import Problem, Rejected
from spooling.api.mail_parser import Letter, Named
from spooling.api.notes import MAX_PROBLEMS, Notes, Work
from spooling.outbox.drafts import NewContent
from templates_app import templates
from templates_app.errors import TemplateError
from templates_app.models import TemplateVersion

#: Fields of a mail, and the texts of a version that each stands for.
_TEXTS = {
    "from": ("from_email", "from_name"),
    "subject": ("subject",),
    "html": ("html",),
    "text": ("text",),
}

#: Versions of templates by their numbers, by their templates' public ids.
_Versions = Mapping[uuid.UUID, Mapping[int, TemplateVersion]]


class _Known(Work):
    """Checks each text once: many letters of a call say the same."""

    __slots__ = ("sources",)

    def __init__(self) -> None:
        super().__init__()
        self.sources: set[tuple[str, str]] = set()

    def check(self, source: str, language: str) -> None:
        if (source, language) not in self.sources:
            super().check(source, language)
            self.sources.add((source, language))


def filled(letters: Sequence[Letter], account_id: int) -> Sequence[Letter]:
    """The letters, each with all that it says. Asks the database nothing where none names a template.

    Raises Rejected for unknown templates and versions, for tags that the template's language does not know, and where
    neither letter nor template says who sends it or what.
    """
    named = [letter.template for letter in letters if letter.template is not None]
    if not named:
        return letters
    found = _find(named, account_id)
    problems: list[Problem] = []
    full, known = [], _Known()
    for index, letter in enumerate(letters):
        content = _content(letter, found, Notes(index, problems, known))
        full.append(replace(letter, content=content))
        if len(problems) >= MAX_PROBLEMS:
            break
    if problems:
        raise Rejected(problems)
    return full


def _find(named: Sequence[Named], account_id: int) -> _Versions:
    """The versions that are asked for, and the current one of each template. Asked anew in each call: an erasure
    takes a person's address out of versions, too.
    """
    asked = TemplateVersion.objects.filter(
        template__account=account_id, template__public_id__in={template.public_id for template in named}
    )
    numbered = Q(number__in={template.number for template in named if template.number})
    found: dict[uuid.UUID, dict[int, TemplateVersion]] = defaultdict(dict)
    for version in asked.filter(numbered | Q(templates.IS_CURRENT)).select_related("template"):
        found[version.template.public_id][version.number] = version
    return found


def _content(letter: Letter, found: _Versions, notes: Notes) -> NewContent:
    """The letter's content, complete where nothing was noted."""
    named = letter.template
    if named is None:
        return letter.content
    versions = found.get(named.public_id)
    if not versions:
        notes.add("template", "unknown_template", "There is no such template.")
        return letter.content
    version = versions.get(named.number or max(versions))
    if version is None:
        notes.add("template_version", "unknown_version", "The template has no such version.")
        return letter.content
    language, texts = version.template.language, templates.texts_of(version)
    _check_own(letter, named, language, notes)
    taken: dict[str, Any] = {
        name: texts[name] for field, names in _TEXTS.items() if field not in named.said for name in names
    }
    content = replace(letter.content, template_language=language, **taken)
    _check_presence(content, notes)
    return content


def _check_own(letter: Letter, named: Named, language: str, notes: Notes) -> None:
    """What the letter says itself is in the template's language, which its parser did not know."""
    for field, source in _own_sources(letter.content, named.said):
        try:
            notes.work.check(source, language)
        except TemplateError as error:
            notes.add(field, error.code, str(error))


def _own_sources(content: NewContent, said: frozenset[str]) -> Iterator[tuple[str, str]]:
    own = {"from": content.from_name, "subject": content.subject, "html": content.html, "text": content.text}
    yield from ((field, own[field]) for field in own if field in said)
    yield from ((f"headers.{name}"[:200], value) for name, value in content.headers)


def _check_presence(content: NewContent, notes: Notes) -> None:
    if not content.from_email:
        notes.add("from", "required", "Neither the mail nor its template says who sends it.")
    if not (content.html or content.text):
        notes.add("text", "required", "Neither the mail nor its template has html or text.")
