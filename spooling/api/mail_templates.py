"""Mails that name a template: what the template says comes into the letter, what the letter says itself stays."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Max

from earwig.web.errors import Problem, Rejected
from spooling.api import mail_fields
from spooling.api.mail_parser import Letter, Named
from spooling.outbox.drafts import NewContent
from templates_app import rendering, templates
from templates_app.errors import TemplateError
from templates_app.models import Template, TemplateVersion

#: Versions that a process remembers; each of at most so many characters. They never change.
_MOST_KEPT = 128
_LONGEST_KEPT = 200_000
#: Fields of a mail, and the texts of a version that each stands for.
_TEXTS = {
    "from": ("from_email", "from_name"),
    "subject": ("subject",),
    "html": ("html",),
    "text": ("text",),
}

_Texts = Mapping[str, str]
_kept: dict[tuple[uuid.UUID, int], _Texts] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the account's templates are at this moment: languages and current numbers, and the texts asked for."""

    languages: Mapping[uuid.UUID, str]
    numbers: Mapping[uuid.UUID, int]
    texts: Mapping[tuple[uuid.UUID, int], _Texts]

    def version(self, named: Named) -> tuple[uuid.UUID, int]:
        return named.public_id, named.number or self.numbers[named.public_id]


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
    full = []
    for index, letter in enumerate(letters):
        content = _content(letter, found, mail_fields.Notes(index, problems))
        full.append(replace(letter, content=content))
    if problems:
        raise Rejected(problems)
    return full


def _find(named: Sequence[Named], account_id: int) -> _Found:
    ids = {template.public_id for template in named}
    rows = (
        Template.objects.filter(account=account_id, public_id__in=ids)
        .annotate(current=Max("versions__number"))
        .values_list("public_id", "language", "current")
    )
    languages, numbers = {}, {}
    for public_id, language, current in rows:
        languages[public_id], numbers[public_id] = language, current
    versions = {
        (template.public_id, template.number or numbers[template.public_id])
        for template in named
        if template.public_id in numbers
    }
    return _Found(languages=languages, numbers=numbers, texts=_texts(versions))


def _texts(versions: set[tuple[uuid.UUID, int]]) -> dict[tuple[uuid.UUID, int], _Texts]:
    known = {version: _kept[version] for version in versions if version in _kept}
    missing = versions - known.keys()
    if not missing:
        return known
    rows = TemplateVersion.objects.filter(
        template__public_id__in={public_id for public_id, _ in missing},
        number__in={number for _, number in missing},
    ).select_related("template")
    read = {(row.template.public_id, row.number): templates.texts_of(row) for row in rows}
    for version, texts in read.items():
        _keep(version, texts)
    return known | read


def _keep(version: tuple[uuid.UUID, int], texts: _Texts) -> None:
    if sum(map(len, texts.values())) <= _LONGEST_KEPT:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[version] = texts


def _content(letter: Letter, found: _Found, notes: mail_fields.Notes) -> NewContent:
    """The letter's content, complete where nothing was noted."""
    named = letter.template
    if named is None:
        return letter.content
    if named.public_id not in found.languages:
        notes.add("template", "unknown_template", "There is no such template.")
        return letter.content
    texts = found.texts.get(found.version(named))
    if texts is None:
        notes.add("template_version", "unknown_version", "The template has no such version.")
        return letter.content
    language = found.languages[named.public_id]
    _check_own(letter, named, language, notes)
    taken: dict[str, Any] = {
        name: texts[name] for field, names in _TEXTS.items() if field not in named.said for name in names
    }
    content = replace(letter.content, template_language=language, **taken)
    _check_presence(content, notes)
    return content


def _check_own(letter: Letter, named: Named, language: str, notes: mail_fields.Notes) -> None:
    """What the letter says itself is in the template's language, which its parser did not know."""
    for field, source in _own_sources(letter.content, named.said):
        try:
            rendering.check(source, language)
        except TemplateError as error:
            notes.add(field, error.code, str(error))


def _own_sources(content: NewContent, said: frozenset[str]) -> Iterator[tuple[str, str]]:
    own = {"from": content.from_name, "subject": content.subject, "html": content.html, "text": content.text}
    yield from ((field, own[field]) for field in own if field in said)
    yield from ((f"headers.{name}"[:200], value) for name, value in content.headers)


def _check_presence(content: NewContent, notes: mail_fields.Notes) -> None:
    if not content.from_email:
        notes.add("from", "required", "Neither the mail nor its template says who sends it.")
    if not (content.html or content.text):
        notes.add("text", "required", "Neither the mail nor its template has html or text.")
