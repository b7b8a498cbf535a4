"""What the native API is told about campaigns: their properties, their messages, their recipients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from rest_framework import serializers

from earwig import variables as bounds
from earwig.web.errors import Problem, Rejected
from earwig.web.serializers import StrictSerializer, VariablesField
from spooling.api import mail_fields as fields
from spooling.api import mail_files, mail_templates
from spooling.api.mail_parser import Letter, Named
from spooling.api.notes import Notes, Work
from spooling.errors import FieldsRefused
from spooling.models.spoolers import Lane
from spooling.outbox.drafts import NewContent
from templates_app import rendering
from templates_app.errors import TemplateError

#: Native names of what campaigns name in their errors.
_NAMES = {"sender": "from", "parts": "text", "mails": "recipients"}

_Reader = Callable[[Any, str, Notes], Any]


@contextmanager
def named_fields() -> Iterator[None]:
    """What a campaign refuses field by field, as a problem each."""
    try:
        yield
    except FieldsRefused as refused:
        problems = [
            Problem(None, _path(path), refused.code, sentence) for path, sentence in refused.fields.items()
        ]
        raise Rejected(problems or [Problem(None, None, refused.code, refused.message)]) from None


def _path(path: str) -> str:
    """`mails[3].email` is `recipients.3.email` here."""
    first, *rest = path.replace("[", ".").replace("]", "").split(".")
    return ".".join([_NAMES.get(first, first), *rest])


def _checked(read: _Reader, name: str, value: Any) -> Any:
    """As a reader of mails has it. Raises ValidationError."""
    problems: list[Problem] = []
    found = read(value, name, Notes(0, problems, Work()))
    if problems:
        raise serializers.ValidationError(problems[0].message, code=problems[0].code)
    return found


class PropertiesInput(StrictSerializer):
    """What can be changed of a campaign."""

    name = serializers.CharField(max_length=2000, allow_blank=True, required=False)
    start_at = serializers.DateTimeField(required=False)
    not_after = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="Later, nothing of it leaves: it is paused, as `stale`, while mail waits.",
    )
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    headers = serializers.DictField(child=serializers.CharField(allow_blank=True), required=False)
    variables = VariablesField(most=bounds.OF_A_CONTENT, required=False)

    def validate_tags(self, value: Any) -> list[str]:
        return list(_checked(fields.tags, "tags", value))

    def validate_headers(self, value: Any) -> dict[str, str]:
        return dict(_checked(fields.headers, "headers", value))


class CampaignInput(PropertiesInput):
    """A new campaign."""

    domain = serializers.CharField(
        max_length=253, required=False, allow_null=True, help_text="A sending domain of the account."
    )
    lane = serializers.ChoiceField(choices=Lane.choices, default=Lane.BULK.value)


def _flag(value: Any, field: str, notes: Notes) -> bool:
    if not isinstance(value, bool):
        notes.add(field, "wrong_type", "true or false.")
    return value is True


def _engine(value: Any, field: str, notes: Notes) -> str:
    if isinstance(value, str) and value in rendering.LANGUAGES:
        return value
    notes.add(field, "unknown_language", f"One of {', '.join(sorted(rendering.LANGUAGES))}.")
    return fields.LANGUAGE


#: Every field of a campaign's message and its reader.
_READERS: dict[str, _Reader] = {
    "from": fields.author,
    "reply_to": fields.reply_addresses,
    "subject": fields.line,
    "html": fields.template,
    "text": fields.template,
    "variables": fields.variables,
    "headers": fields.headers,
    "attachments": mail_files.attachments,
    "language": fields.language,
    "template": fields.template_id,
    "template_version": fields.version_number,
    "template_language": _engine,
    "track_opens": _flag,
    "track_clicks": _flag,
}


def message(body: Any, account_id: int) -> NewContent:
    """The content that a body says, what it leaves out taken from the template it names.

    Raises Rejected with all problems, at most 100.
    """
    problems: list[Problem] = []
    notes = Notes(None, problems, Work())
    # Tags are looked at when it is known in which language they are.
    notes.parses = False
    values = _read(body, notes)
    if not problems:
        _check_presence(values, notes)
    if problems:
        raise Rejected(problems)
    content = _content(values)
    if "template" in values:
        return _from_template(content, values, account_id)
    _check_tags(content, notes)
    if problems:
        raise Rejected(problems)
    return content


def _read(body: Any, notes: Notes) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if not isinstance(body, dict):
        notes.add("", "wrong_type", "A message is an object.")
        return values
    for name, value in body.items():
        reader = _READERS.get(name)
        if reader is None:
            notes.add(name[:200], "unknown_field", "There is no such field.")
        elif value is not None:
            values[name] = reader(value, name, notes)
    return values


def _check_presence(values: Mapping[str, Any], notes: Notes) -> None:
    if "template" in values:
        if "template_language" in values:
            notes.add("template_language", "conflict", "The template's own language holds.")
        return
    if "from" not in values:
        notes.add("from", "required", "Who sends it.")
    if not (values.get("html") or values.get("text")):
        notes.add("text", "required", "Give html, text or both.")
    if "template_version" in values:
        notes.add("template_version", "conflict", "It is of a template; give template too.")


def _content(values: Mapping[str, Any]) -> NewContent:
    from_name, from_email = values.get("from", ("", ""))
    said = (
        "subject",
        "html",
        "text",
        "language",
        "track_opens",
        "track_clicks",
        "variables",
        "headers",
        "reply_to",
    )
    return NewContent(
        from_email=from_email,
        from_name=from_name,
        files=values.get("attachments", ()),
        template_language=values.get("template_language", fields.LANGUAGE),
        **{name: values[name] for name in said if name in values},
    )


def _check_tags(content: NewContent, notes: Notes) -> None:
    sources = {
        "from": content.from_name,
        "subject": content.subject,
        "html": content.html,
        "text": content.text,
    }
    for field, source in (*sources.items(), *((f"headers.{name}", value) for name, value in content.headers)):
        try:
            notes.work.check(source, content.template_language)
        except TemplateError as error:
            notes.add(field[:200], error.code, str(error))


def _from_template(content: NewContent, values: Mapping[str, Any], account_id: int) -> NewContent:
    named = Named(
        public_id=values["template"],
        number=values.get("template_version"),
        said=frozenset(("from", "subject", "html", "text")) & values.keys(),
    )
    letter = Letter(
        content=content,
        mails=(),
        lane=None,
        spooler="",
        send_at=None,
        not_after=None,
        tags=(),
        metadata={},
        template=named,
    )
    try:
        (filled,) = mail_templates.filled([letter], account_id)
    except Rejected as rejected:
        raise Rejected([replace(problem, index=None) for problem in rejected.problems]) from None
    return filled.content
