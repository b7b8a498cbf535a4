"""What templates look like on the wire: bodies in, documents out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from rest_framework import serializers

from earwig import variables as bounds
from earwig.web.serializers import StrictSerializer, VariablesField
from templates_app import previews, templates
from templates_app.api.fields import NOBODY, AuthorField
from templates_app.models import Language, Template, TemplateVersion


class SourceField(serializers.CharField):
    """Text as it is: blanks at its ends say something."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_blank": True, "trim_whitespace": False, "required": False, **options})


class ConversionsInput(StrictSerializer):
    """What is to be made of the HTML."""

    inline_css = serializers.BooleanField(
        default=False, help_text="Put the rules of the HTML's style sheets at its elements."
    )
    text_from_html = serializers.BooleanField(default=False, help_text="Make the text of the HTML.")

    def conversions(self) -> dict[str, bool]:
        """The arguments of `conversions.applied`; what a change does not say is off."""
        return {name: self.validated_data.get(name, False) for name in ("inline_css", "text_from_html")}


class TemplateInput(ConversionsInput):
    """A template as asked for; no text that was not given is filled in."""

    name = serializers.CharField(max_length=templates.MAX_NAME)
    language = serializers.ChoiceField(
        choices=Language.choices, required=False, help_text="Said once: it stays."
    )
    domain = serializers.CharField(
        max_length=253,
        required=False,
        allow_null=True,
        allow_blank=True,
        help_text="A sending domain of the account; names are unique in each, and among templates of none.",
    )
    subject = SourceField()
    html = SourceField()
    text = SourceField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("text_from_html") and "text" in attrs:
            raise serializers.ValidationError({"text": "Give text or text_from_html."}, code="conflict")
        return attrs

    def get_fields(self) -> dict[str, Any]:
        return _with_author(super().get_fields(), AuthorField(required=False, allow_null=True))

    def texts(self) -> dict[str, str]:
        """The texts that were given, by the names of `wordings.FIELDS`."""
        given = self.validated_data
        author = given.get("from", {})
        return {
            **(NOBODY if author is None else author),
            **{name: given[name] for name in ("subject", "html", "text") if name in given},
        }


class VersionItem(serializers.Serializer):
    """A TemplateVersion in a list: without its bodies."""

    number = serializers.IntegerField()
    subject = serializers.CharField()
    created_at = serializers.DateTimeField()

    def get_fields(self) -> dict[str, Any]:
        return _with_author(super().get_fields(), AuthorField(source="*", allow_null=True))


class VersionOutput(VersionItem):
    html = serializers.CharField()
    text = serializers.CharField()


class Shown(NamedTuple):
    """A template with the version that is shown of it."""

    template: Template
    version: TemplateVersion


class TemplateItem(serializers.Serializer):
    """A Shown in a list: without its bodies."""

    id = serializers.UUIDField(source="template.public_id", format="hex", help_text="32 hex digits.")
    name = serializers.CharField(source="template.name")
    language = serializers.ChoiceField(source="template.language", choices=Language.choices)
    domain = serializers.CharField(source="template.domain.name", default=None, allow_null=True)
    version = serializers.IntegerField(source="version.number", help_text="The current version's number.")
    subject = serializers.CharField(source="version.subject")
    created_at = serializers.DateTimeField(source="template.created_at")
    updated_at = serializers.DateTimeField(source="template.updated_at")

    def get_fields(self) -> dict[str, Any]:
        return _with_author(super().get_fields(), AuthorField(source="version", allow_null=True))


class TemplateOutput(TemplateItem):
    html = serializers.CharField(source="version.html")
    text = serializers.CharField(source="version.text")
    variables = serializers.SerializerMethodField(help_text="The top-level names that it uses.")

    def get_variables(self, shown: Shown) -> list[str]:
        return previews.names(templates.texts_of(shown.version), shown.template.language)


class PreviewInput(ConversionsInput):
    variables = VariablesField(most=bounds.OF_A_CONTENT, default=dict)
    version = serializers.IntegerField(min_value=1, required=False, help_text="Without it the current one.")


class PreviewOutput(serializers.Serializer):
    version = serializers.IntegerField()
    subject = serializers.CharField()
    html = serializers.CharField()
    text = serializers.CharField()
    variables = serializers.ListField(
        child=serializers.CharField(), help_text="The top-level names that it uses."
    )

    def get_fields(self) -> dict[str, Any]:
        return _with_author(super().get_fields(), AuthorField(allow_null=True))


def _with_author(fields: dict[str, Any], author: AuthorField) -> dict[str, Any]:
    """`from` before `subject`. It is a word of the language, so it cannot be declared as the others are."""
    place = list(fields).index("subject")
    pairs = list(fields.items())
    return dict([*pairs[:place], ("from", author), *pairs[place:]])


def preview(number: int, shown: Mapping[str, str], names: list[str]) -> dict[str, Any]:
    """A rendered version as PreviewOutput says."""
    author = {"email": shown["from_email"], "name": shown["from_name"]} if shown["from_email"] else None
    return {
        "version": number,
        "from": author,
        **{name: shown[name] for name in ("subject", "html", "text")},
        "variables": names,
    }
