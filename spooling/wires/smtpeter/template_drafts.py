"""Source documents of templates ⇄ what is stored of them: texts in columns, all else as it came (contract §6.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from earwig import errors as earwig_errors
from earwig import mailboxes
from spooling.wires.smtpeter import errors, sources
from spooling.wires.smtpeter.inputs import Properties
from templates_app.models import TemplateVersion
from templates_app.templates import Draft

#: Bytes of a document.
LONGEST = 4 * 1024 * 1024
#: What clients look for in every template.
_SHOWN = ("name", "from", "subject", "text", "content", "background", "font", "internals", "version")
#: Properties of a document that columns hold, or nothing does.
_ELSEWHERE = ("id", "name", "subject", "text", "html", "from")


def shown(version: TemplateVersion) -> dict[str, Any]:
    """The document, with all that clients look for. What is HTML stands in `content` too."""
    document = sources.document(version)
    content = document.get("content", document.get("html", ""))
    defaults = dict.fromkeys(_SHOWN) | {"from": "", "subject": "", "text": "", "content": content}
    return {"id": version.template_id, **defaults, **document}


def new(document: Mapping[str, Any], *, language: str) -> Draft:
    """A template that says what a document does. Raises InvalidField, Refused."""
    given = {name: value for name, value in document.items() if value is not None}
    _require_small(given)
    told = sources.read(given, language=language)
    author = _author(told.author)
    source = {name: value for name, value in given.items() if name not in _ELSEWHERE}
    if isinstance(source.get("content"), str):
        # Its place is kept; what it says is in a column.
        source["content"] = ""
    if told.author and not author["from_email"]:
        source["from"] = told.author
    return Draft(
        name=Properties(given).text("name"),
        language=language,
        texts={"subject": told.subject, "html": told.html, "text": told.text, **author},
        source=source,
    )


def changed(version: TemplateVersion, changes: Mapping[str, Any]) -> Draft:
    """The template with some properties of its document changed. Raises InvalidField, Refused."""
    given = {name: value for name, value in changes.items() if value is not None}
    document = sources.document(version)
    body = "content" if isinstance(document.get("content"), str) else "html"
    before = document.get(body, "")
    # Both were shown: the one that was changed counts (quirk 19).
    told = [given.pop(name) for name in ("content", "html") if isinstance(given.get(name), str)]
    if told:
        given[body] = next((text for text in told if text != before), before)
    return new(document | given, language=version.template.language)


def _require_small(document: Mapping[str, Any]) -> None:
    try:
        size = len(orjson.dumps(document))
    except TypeError:
        raise errors.Refused(
            "The template is nested too deep, or holds numbers that are too large."
        ) from None
    if size > LONGEST:
        raise errors.Refused(f"A template has at most {LONGEST} bytes.")


def _author(text: str) -> dict[str, str]:
    """As columns; empty ones for what is an address only when it is rendered."""
    try:
        name, email = mailboxes.parse(text) if text else ("", "")
    except earwig_errors.InvalidAddress:
        return {"from_email": "", "from_name": ""}
    return {"from_email": email, "from_name": name}
