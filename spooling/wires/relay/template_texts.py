"""Templates as this wire knows them: what of them is ours, and what the source of a version remembers (quirk 8)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from earwig import errors as earwig_errors
from earwig import mailboxes
from spooling.wires.relay import errors, wire
from spooling.wires.relay.inputs import Fields
from templates_app import rendering, templates
from templates_app.errors import TemplateError, TemplateExists
from templates_app.models import Language, Template, TemplateVersion
from templates_app.rendering import Escape, Transfer

LONGEST_NAME, LONGEST_SUBJECT = 250, 998
LONGEST_EMAIL = 320
#: Bytes of what the client's editor wants back: a collection has 200 templates a page.
MOST_OF_EDITOR = 1024 * 1024
#: Templates of this wire are written in it.
LANGUAGE = Language.MUSTACHE
#: Digits that a number of ours has at most.
_MOST_DIGITS = 18

RAW, EDITED, EMPTY = "rawHtml", "mseditor", "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a client sees of a template."""

    name: str
    from_name: str
    from_email: str
    subject: str
    body: str
    mseditor: Any
    body_type: str


def of(account_id: int) -> QuerySet[Template]:
    """The account's templates that this wire can show: those of its language."""
    return Template.objects.filter(account=account_id, language=LANGUAGE)


def find(account_id: int, id: str) -> Template:
    """By its GUID, or by its number (quirk 13). Raises NotFound."""
    if id.isascii() and id.isdecimal() and len(id) <= _MOST_DIGITS:
        template = of(account_id).filter(pk=int(id)).first()
    else:
        public_id = wire.guid(id)
        template = None if public_id is None else of(account_id).filter(public_id=public_id).first()
    if template is None:
        raise errors.NotFound
    return template


def shown(template: Template, version: TemplateVersion) -> Shown:
    source = version.source
    # What was written elsewhere since counts.
    remembers_name = source.get("stored_name") == template.name
    mseditor = source.get("mseditor")
    body_type = RAW if version.html else EMPTY
    return Shown(
        name=source["name"] if remembers_name else template.name,
        from_name=version.from_name,
        from_email=version.from_email or source.get("from_email", ""),
        subject=version.subject,
        body=version.html,
        mseditor=mseditor,
        body_type=body_type if mseditor is None else EDITED,
    )


def read(fields: Fields, *, complete: bool) -> dict[str, str]:
    """What a body says of a template, by its members; `complete`: all that is needed. Raises Invalid."""

    def needs(name: str) -> bool:
        return complete or name in fields

    said = {
        "from_email": _author(fields, required=needs("from_email")),
        "from_name": fields.line("from_name", most=mailboxes.MAX_NAME),
        "subject": fields.line("subject", required=needs("subject"), most=LONGEST_SUBJECT),
        "name": fields.text("name", required=needs("name"), most=LONGEST_NAME),
        "body": fields.text("body"),
    }
    if said["name"] and not _plain(said["name"]):
        fields.refuse("name", "It has nothing that can be printed.")
    fields.finish()
    return {name: text for name, text in said.items() if name in fields}


def editors_document(fields: Fields) -> dict[str, Any] | None:
    """What the client's editor wants back, None where nothing is said of it; what is wrong is noted."""
    if "mseditor" not in fields:
        return None
    said = fields.mapping("mseditor")
    if len(json.dumps(said)) > MOST_OF_EDITOR:
        fields.refuse("mseditor", f"At most {MOST_OF_EDITOR} bytes.")
    return said


def _author(fields: Fields, *, required: bool) -> str:
    """An address; tags in it are rendered when it is used."""
    text = fields.line("from_email", required=required, most=LONGEST_EMAIL).strip()
    try:
        if rendering.holds_tags(text, LANGUAGE):
            rendering.check(text, LANGUAGE)
            return text
        return mailboxes.normal(text) if text else ""
    except (TemplateError, earwig_errors.InvalidAddress) as error:
        fields.refuse("from_email", str(error))
        return ""


def add(account_id: int, said: Mapping[str, str], *, now: datetime) -> Template:
    """A new template. Raises TemplateRefused."""
    for name in _names(said["name"]):
        draft = templates.Draft(
            name=name, language=LANGUAGE, texts=_texts(said), source=_source({}, said, stored_name=name)
        )
        try:
            return templates.add(account_id, draft=draft, now=now)
        except TemplateExists:
            continue
    raise TemplateExists


@transaction.atomic
def change(template: Template, said: Mapping[str, str], *, now: datetime) -> None:
    """What is said, and nothing else.

    Raises TemplateRefused, and Template.DoesNotExist when it was removed meanwhile.
    """
    held = Template.objects.select_for_update(no_key=True).get(pk=template.pk)
    latest = templates.current(held)
    if "name" in said and said["name"] != shown(held, latest).name:
        _rename(held, said["name"], now)
    source = _source(latest.source, {"name": shown(held, latest).name, **said}, stored_name=held.name)
    templates.save(held, changes=_texts(said), source=source, now=now)


@transaction.atomic
def change_body(template: Template, html: str, mseditor: Any, *, now: datetime) -> None:
    """The body, and what the client's editor wants back. Raises what `change` raises."""
    held = Template.objects.select_for_update(no_key=True).get(pk=template.pk)
    said = {"name": shown(held, templates.current(held)).name, "body": html}
    source = _source(templates.current(held).source, said, stored_name=held.name)
    if mseditor is not None:
        source["mseditor"] = mseditor
    templates.save(held, changes=_texts(said), source=source, now=now)


def author(text: str, model: Mapping[str, Any]) -> str:
    """The address that a template's author is with these values. Raises Invalid."""
    program = rendering.compile(text, language=LANGUAGE, escape=Escape.NONE, transfer=Transfer.PLAIN)
    try:
        return mailboxes.normal(program.render(model).strip())
    except earwig_errors.InvalidAddress as error:
        raise errors.invalid("from_email", error.message) from None


def _rename(template: Template, name: str, now: datetime) -> None:
    for candidate in _names(name):
        try:
            return templates.rename(template, name=candidate, domain=template.domain, now=now)
        except TemplateExists:
            continue
    raise TemplateExists


def _names(name: str) -> Iterator[str]:
    """Names to try: the client's, and where another template has that one, some that nobody has."""
    plain = _plain(name)
    yield plain[: templates.MAX_NAME].strip()
    for _ in range(3):
        yield f"{plain[: templates.MAX_NAME - 20].strip()} ({secrets.token_hex(4)})"


def _plain(name: str) -> str:
    return "".join(character if character.isprintable() else " " for character in name).strip()


def _texts(said: Mapping[str, str]) -> dict[str, str]:
    """What of it are texts of ours; a new body also replaces a plain text that would still say the old one."""
    texts = {name: said[name] for name in ("from_name", "subject") if name in said}
    if "from_email" in said:
        texts["from_email"] = "" if rendering.holds_tags(said["from_email"], LANGUAGE) else said["from_email"]
    if "body" in said:
        texts |= {"html": said["body"], "text": ""}
    return texts


def _source(kept: Mapping[str, Any], said: Mapping[str, str], *, stored_name: str) -> dict[str, Any]:
    """What the version remembers beside its texts; never nothing, so that it may have no body yet."""
    source = {**kept, "name": said["name"], "stored_name": stored_name}
    if "from_email" in said:
        source["from_email"] = said["from_email"]
    if "body" in said:
        source.pop("mseditor", None)
    return source
