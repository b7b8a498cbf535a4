"""Template sources: an open JSON document, of which we render text and HTML (contract §6.2). Pure but for reading.

Other editors' blocks are kept as they are, and not rendered.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsonpatch
import jsonpointer
import orjson
from django.db.models import Q

from spooling.wires.smtpeter import errors
from spooling.wires.smtpeter.inputs import Properties
from templates_app.models import Language, Template, TemplateVersion

#: Of one patch.
MOST_OPERATIONS = 100
#: Bytes of a document before its patch, and of all that one patch puts into it: each copy may double it.
LONGEST = 4 * 1024 * 1024
#: What a name holds only between quotes (RFC 5322 §3.2.3).
_SPECIAL = re.compile(r"""[()<>\[\]:;@\\,."]|^\s|\s$""")
_OPERATIONS = frozenset(("add", "remove", "replace", "move", "copy", "test"))
_REFUSALS = (
    jsonpatch.JsonPatchException,
    jsonpointer.JsonPointerException,
    TypeError,
    KeyError,
    IndexError,
    ValueError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a template says; what is empty, the call may say."""

    author: str = ""
    subject: str = ""
    html: str = ""
    text: str = ""
    reply_to: tuple[str, ...] = ()
    language: str = Language.SMARTY
    #: Of a stored template; 0: none.
    template_id: int = 0


def is_id(told: str) -> bool:
    """Whether it can be the id of a template."""
    return told.isascii() and told.isdecimal() and len(told) <= 18


def find(account_id: int, told: str) -> Template | None:
    """The account's template of this id, for digits, or of this name (quirk 13)."""
    own = Template.objects.filter(account=account_id)
    told = told.replace("\0", "\ufffd")
    number = told if is_id(told) else ""
    found = own.filter(Q(pk=int(number)) | Q(name=told) if number else Q(name=told))
    # The id comes first; a name may be taken once in each domain, of which the oldest counts.
    return min(found, key=lambda row: (str(row.pk) != number, row.pk), default=None)


def document(version: TemplateVersion) -> dict[str, Any]:
    """The whole source document of a stored version: the client's own properties, and what it says."""
    kept: dict[str, Any] = dict(version.source)
    body = "content" if isinstance(kept.get("content"), str) else "html"
    said = {
        "name": version.template.name,
        "subject": version.subject,
        "from": _written(version.from_name, version.from_email),
        "text": version.text,
        body: version.html,
    }
    # What is kept of them is what no column holds, such as an author in tags.
    return kept | {name: value for name, value in said.items() if value or kept.get(name) == ""}


def read(document: Mapping[str, Any], *, language: str = Language.SMARTY) -> Source:
    """What a document says. Raises InvalidField."""
    told = Properties(document, "template.")
    content = document.get("content")
    html = told.text("html") or (content if isinstance(content, str) else "")
    return Source(
        author=_author(told),
        subject=told.text("subject"),
        html=html,
        text=told.text("text"),
        reply_to=tuple(told.texts("replyTo", "replyto", "reply-to")),
        language=language,
    )


def patched(document: dict[str, Any], patch: Sequence[Any]) -> dict[str, Any]:
    """The document after these operations of RFC 6902. Raises InvalidField, the document is as it was then."""
    if len(patch) > MOST_OPERATIONS:
        raise errors.InvalidField("patch", f"At most {MOST_OPERATIONS} operations.")
    made: Any = _copy(document)
    moved = 0
    for place, operation in enumerate(patch):
        if not isinstance(operation, dict) or str(operation.get("op")) not in _OPERATIONS:
            raise errors.InvalidField(f"patch[{place}]", "An operation of RFC 6902 is expected.")
        try:
            moved += _added(operation, made)
            if moved <= LONGEST:
                made = jsonpatch.JsonPatch([operation]).apply(made, in_place=True)
        except _REFUSALS:
            raise errors.InvalidField(f"patch[{place}]", "It cannot be applied.") from None
        if moved > LONGEST:
            raise errors.InvalidField(f"patch[{place}]", f"The template grows by more than {LONGEST} bytes.")
    if not isinstance(made, dict):
        raise errors.InvalidField("patch", "It leaves no template.")
    return made


def _copy(document: dict[str, Any]) -> Any:
    """To be changed in place: the library's own copies, one for each operation, would take seconds each."""
    try:
        octets = orjson.dumps(document)
    except TypeError:
        raise errors.InvalidField(
            "patch", "The template is nested too deeply, or has too great a number."
        ) from None
    if len(octets) > LONGEST:
        raise errors.InvalidField("patch", f"The template has more than {LONGEST} bytes.")
    return orjson.loads(octets)


def _added(operation: dict[str, Any], document: Any) -> int:
    """Bytes of what the operation puts in: the library copies them."""
    if operation["op"] == "copy":
        return len(orjson.dumps(jsonpointer.resolve_pointer(document, operation["from"])))
    return len(orjson.dumps(operation.get("value")))


def of_stored(template: Template, patch: Sequence[Any]) -> Source:
    """What the template says now, patched. Raises InvalidField, and Template.DoesNotExist when it is gone."""
    version = template.versions.select_related("template").order_by("-number").first()
    if version is None:
        raise Template.DoesNotExist
    told = document(version)
    source = read(patched(told, patch) if patch else told, language=template.language)
    return dataclasses.replace(source, template_id=template.pk)


def _author(told: Properties) -> str:
    """A text, or an object with a name and an address."""
    _, value = told.given("from")
    if not isinstance(value, dict):
        return told.text("from")
    author = told.inner("from")
    return _written(author.text("name"), author.text("address", "email"))


def _written(name: str, email: str) -> str:
    if not name:
        return email
    if not _SPECIAL.search(name):
        return f"{name} <{email}>"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped + '" <' + email + ">"
