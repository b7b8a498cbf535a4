"""Templates and their versions: every change makes a new version, and none changes but by an erasure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, ProtectedError

from earwig.models import Domain
from templates_app import errors, wordings
from templates_app.errors import Flaw
from templates_app.models import Language, Template, TemplateVersion

MAX_NAME = 200
#: Of a TemplateVersion: that no other one of its template has a higher number.
IS_CURRENT = ~Exists(
    TemplateVersion.objects.filter(template=OuterRef("template"), number__gt=OuterRef("number"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A template as somebody wants it; `texts` by the names of `wordings.FIELDS`, absent ones empty.

    With the `source` of an editor it may have nothing to show yet.
    """

    name: str
    domain: Domain | None = None
    language: str = Language.MUSTACHE
    texts: Mapping[str, str] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)


def add(account_id: int, *, draft: Draft, now: datetime) -> Template:
    """A new template with its version 1. Its language stays, so that a version always means the same.

    Raises TemplateRefused with all flaws, TemplateExists.
    """
    refuse_flaws(account_id, draft)
    template = Template(
        account_id=account_id,
        domain=draft.domain,
        name=draft.name,
        language=draft.language,
        created_at=now,
        updated_at=now,
    )
    with _unique():
        template.save()
        TemplateVersion.objects.create(
            template=template, number=1, created_at=now, source=dict(draft.source), **draft.texts
        )
    return template


def refuse_flaws(account_id: int, draft: Draft) -> None:
    """Raises TemplateRefused with all that `add` would refuse but a name that is taken."""
    _refuse(
        [
            *_name_flaws(draft.name),
            *_domain_flaws(account_id, draft.domain),
            *_language_flaws(draft.language),
            *wordings.flaws(draft.texts, draft.language),
            *_emptiness(draft.texts, draft.source),
        ]
    )


def save(
    template: Template, *, changes: Mapping[str, str], source: Mapping[str, Any] | None = None, now: datetime
) -> TemplateVersion:
    """The version that says what the current one says but for `changes`; the current one where that is the same.

    Texts are named as in `wordings.FIELDS`; without a `source` the current one's stays. Concurrent saves come one
    after the other and lose nothing of each other.
    Raises TemplateRefused with all flaws, and Template.DoesNotExist when it was removed meanwhile.
    """
    flaws = [*wordings.flaws(changes, template.language)]
    with transaction.atomic():
        Template.objects.select_for_update(no_key=True).get(pk=template.pk)
        latest = current(template)
        texts = {**texts_of(latest), **changes}
        kept = latest.source if source is None else dict(source)
        _refuse([*flaws, *_emptiness(texts, kept)])
        if texts == texts_of(latest) and kept == latest.source:
            return latest
        _touch(template, now)
        return TemplateVersion.objects.create(
            template=template, number=latest.number + 1, created_at=now, source=kept, **texts
        )


def restore(version: TemplateVersion, *, now: datetime) -> TemplateVersion:
    """What an earlier version said, said again by a new one. Raises what `save` raises."""
    return save(version.template, changes=texts_of(version), source=version.source, now=now)


def rename(template: Template, *, name: str, domain: Domain | None, now: datetime) -> None:
    """Give the template another name, or another domain to be named in.

    Raises TemplateRefused, TemplateExists, and Template.DoesNotExist when it was removed meanwhile.
    """
    _refuse([*_name_flaws(name), *_domain_flaws(template.account_id, domain)])
    own = Template.objects.filter(pk=template.pk)
    with _unique():
        if not own.update(name=name, domain=domain, updated_at=now):
            raise Template.DoesNotExist
    template.name, template.domain, template.updated_at = name, domain, now


@transaction.atomic
def remove(template: Template) -> None:
    """Delete the template with all its versions; mails keep what it said.

    Saves and uses at the same moment come before it or after it. Raises TemplateInUse, and Template.DoesNotExist when
    it was removed meanwhile.
    """
    Template.objects.select_for_update().get(pk=template.pk)
    try:
        template.delete()
    except ProtectedError:
        raise errors.TemplateInUse from None


def current(template: Template) -> TemplateVersion:
    """What the template says now: its version with the highest number."""
    return template.versions.latest("number")


def latest(of: Iterable[Template], *, bodies: bool = True) -> dict[int, TemplateVersion]:
    """The current version of each template by the template's primary key, in one query; `bodies` False: without them."""
    versions = TemplateVersion.objects.filter(IS_CURRENT, template__in=list(of))
    if not bodies:
        versions = versions.defer("html", "text")
    return {version.template_id: version for version in versions}


def texts_of(version: TemplateVersion) -> dict[str, str]:
    """The texts of a version by the names of `wordings.FIELDS`."""
    return {name: getattr(version, name) for name in wordings.FIELDS}


@contextmanager
def _unique() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        raise errors.TemplateExists from None


def _touch(template: Template, now: datetime) -> None:
    Template.objects.filter(pk=template.pk).update(updated_at=now)
    template.updated_at = now


def _refuse(flaws: list[Flaw]) -> None:
    if flaws:
        raise errors.TemplateRefused(flaws)


def _name_flaws(name: str) -> list[Flaw]:
    if 0 < len(name) <= MAX_NAME and name.isprintable() and name == name.strip():
        return []
    return [Flaw("name", "invalid", f"1 to {MAX_NAME} printable characters, none of them a blank at an end.")]


def _emptiness(texts: Mapping[str, str], source: Mapping[str, Any]) -> Iterator[Flaw]:
    """A wording without an editor's source has something to show."""
    return iter(()) if source else wordings.emptiness(texts)


def _domain_flaws(account_id: int, domain: Domain | None) -> list[Flaw]:
    if domain is None or domain.account_id == account_id:
        return []
    return [Flaw("domain", "unknown_domain", "The account has no such domain.")]


def _language_flaws(language: str) -> list[Flaw]:
    if language in Language.values:
        return []
    return [Flaw("language", "invalid", f"One of {', '.join(Language.values)}.")]
