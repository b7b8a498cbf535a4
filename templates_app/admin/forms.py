"""Forms of templates: what one says, and what to preview or compare."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q
from unfold import widgets

from earwig import mailboxes
from earwig.models import Domain
from earwig.web import bodies
from earwig.web.errors import InvalidJson
from templates_app import conversions, templates, wordings
from templates_app.errors import TemplateRefused
from templates_app.models import Template, TemplateVersion

#: They travel in the address of the frame that shows the preview.
LONGEST_VARIABLES = 4000
_MONOSPACED = {"style": "font-family: monospace", "spellcheck": "false"}


class SourceField(forms.CharField):
    """Text as it is: blanks at its ends say something."""

    def __init__(self, *, rows: int, **options: Any) -> None:
        widget = widgets.UnfoldAdminTextareaWidget(attrs={"rows": rows, **_MONOSPACED})
        super().__init__(required=False, strip=False, widget=widget, **options)

    def clean(self, value: Any) -> str:
        """With the line ends of everybody else; a browser sends CRLF, so that every save would make a version."""
        return str(super().clean(value)).replace("\r\n", "\n")


class VariablesField(forms.CharField):
    """A JSON object; empty, where it may be, is one without members."""

    def __init__(self, *, rows: int = 4, **options: Any) -> None:
        widget = widgets.UnfoldAdminTextareaWidget(attrs={"rows": rows, **_MONOSPACED})
        super().__init__(max_length=LONGEST_VARIABLES, widget=widget, **options)

    def clean(self, value: Any) -> dict[str, Any]:
        try:
            variables = bodies.load((super().clean(value) or "{}").encode())
        except InvalidJson:
            raise forms.ValidationError("This is not JSON.", code="invalid") from None
        if not isinstance(variables, dict):
            raise forms.ValidationError("An object: {…}.", code="invalid")
        return variables


class TemplateForm(forms.ModelForm):
    """A template with what its next version says."""

    from_email = forms.CharField(
        required=False,
        max_length=mailboxes.MAX_EMAIL,
        label="From: address",
        widget=widgets.UnfoldAdminTextInputWidget,
        help_text="Empty: each mail says who sends it.",
    )
    from_name = forms.CharField(
        required=False,
        max_length=mailboxes.MAX_NAME,
        label="From: name",
        widget=widgets.UnfoldAdminTextInputWidget,
    )
    subject = forms.CharField(
        required=False, max_length=wordings.MAX_SUBJECT, widget=widgets.UnfoldAdminTextInputWidget
    )
    html = SourceField(rows=20, label="HTML")
    text = SourceField(rows=12)
    inline_css = forms.BooleanField(
        required=False,
        label="Put the rules of style sheets at the elements",
        widget=widgets.UnfoldBooleanWidget,
    )
    text_from_html = forms.BooleanField(
        required=False, label="Make the text of the HTML", widget=widgets.UnfoldBooleanWidget
    )

    #: The version that was loaded: whoever saves must have seen what he replaces.
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Template
        fields = ("account", "domain", "name", "language")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "domain" in self.fields:
            offered = Domain.objects.filter(Q(removed_at=None) | Q(pk=self.instance.domain_id))
            self.fields["domain"].queryset = offered.order_by("name")  # type: ignore[attr-defined]
        if self.instance.pk:
            current = templates.current(self.instance)
            self.initial.update(templates.texts_of(current), seen=current.number)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        try:
            self.draft = self._draft(cleaned)
            if not self.errors:
                templates.refuse_flaws(self._account_id(cleaned), self.draft)
        except TemplateRefused as refused:
            for flaw in refused.flaws:
                self.add_error(flaw.field if flaw.field in self.fields else None, flaw.message)
        if not self.errors and self._is_taken(cleaned):
            self.add_error("name", "There is a template of this name already.")
        if not self.errors and self._is_stale(cleaned):
            self.add_error(
                None, "Somebody saved another version meanwhile: copy what you wrote, and load the page anew."
            )
        return cleaned

    def _draft(self, cleaned: dict[str, Any]) -> templates.Draft:
        language = cleaned.get("language") or self.instance.language
        texts = conversions.applied(
            {name: cleaned.get(name, "") for name in wordings.FIELDS},
            language,
            inline_css=cleaned.get("inline_css", False),
            text_from_html=cleaned.get("text_from_html", False),
        )
        return templates.Draft(
            name=cleaned.get("name", ""), domain=cleaned.get("domain"), language=language, texts=texts
        )

    def _is_stale(self, cleaned: dict[str, Any]) -> bool:
        seen = cleaned.get("seen")
        return bool(seen and self.instance.pk and templates.current(self.instance).number != seen)

    def _account_id(self, cleaned: dict[str, Any]) -> int:
        account = cleaned.get("account")
        return int(account.pk if account else self.instance.account_id)

    def _is_taken(self, cleaned: dict[str, Any]) -> bool:
        of_account = Template.objects.filter(account=self._account_id(cleaned), domain=self.draft.domain)
        return of_account.filter(name=self.draft.name).exclude(pk=self.instance.pk).exists()


class _VersionsForm(forms.Form):
    """Names versions of one template."""

    def __init__(self, *args: Any, template: Template, **options: Any) -> None:
        super().__init__(*args, **options)
        self.template = template
        numbers = template.versions.order_by("-number").values_list("number", flat=True)
        choices = [(number, f"Version {number}") for number in numbers]
        for field in self.fields.values():
            if isinstance(field, forms.TypedChoiceField):
                field.choices = choices

    def version(self, field: str) -> TemplateVersion:
        return self.template.versions.get(number=self.cleaned_data[field])


def _version_field(label: str) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(coerce=int, label=label, widget=widgets.UnfoldAdminSelectWidget)


class PreviewForm(_VersionsForm):
    number = _version_field("Version")
    variables = VariablesField(
        rows=8,
        label="Sample variables",
        help_text=f"An object in JSON, of at most {LONGEST_VARIABLES} characters.",
    )


class ComparisonForm(_VersionsForm):
    old = _version_field("From")
    new = _version_field("To")
