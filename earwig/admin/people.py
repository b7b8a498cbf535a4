"""Recipients with their contacts; imported from a file, edited by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold import widgets
from unfold.admin import TabularInline
from unfold.decorators import action

from earwig import audit, errors, mailboxes, people_imports
from earwig.admin import pages
from earwig.messages import responses
from earwig.models import Account, ContactDetail, Person
from earwig.models.people import BlockReason, ContactType

MOST_REFUSALS_SHOWN = 20


class ContactForm(forms.ModelForm):
    class Meta:
        model = ContactDetail
        fields = ("type", "value", "note", "blocked", "reason")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("type") == ContactType.EMAIL and cleaned.get("value"):
            try:
                cleaned["value"] = mailboxes.normal(cleaned["value"])
            except errors.InvalidAddress as refused:
                self.add_error("value", refused.message)
        reason = cleaned.get("reason") or BlockReason.STAFF
        return cleaned | {"reason": reason if cleaned.get("blocked") else ""}


class ContactInline(TabularInline):
    model = ContactDetail
    form = ContactForm
    extra = 0
    readonly_fields = ("answers",)

    @admin.display(description="Answers")
    def answers(self, contact: ContactDetail) -> str:
        return _summary_of(responses.of_contact(contact)) if contact.pk else ""


class ImportForm(forms.Form):
    account = forms.ModelChoiceField(Account.objects.order_by("slug"), widget=widgets.UnfoldAdminSelectWidget)
    file = forms.FileField(
        widget=widgets.UnfoldAdminFileFieldWidget,
        help_text="CSV with the columns ocd_id, name, title, photo_url, then type, value, note as often as "
        "needed; or JSON, where the file's name ends so.",
    )

    def clean_file(self) -> tuple[str, str]:
        upload = self.cleaned_data["file"]
        try:
            return upload.name, upload.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise forms.ValidationError("The file is not UTF-8.") from None


@admin.register(Person)
class PersonAdmin(pages.AuditedAdmin):
    list_display = ("external_id", "account", "title", "name")
    list_filter = ("account",)
    list_select_related = ("account",)
    search_fields = ("external_id", "name")
    ordering = ("-id",)
    show_full_result_count = False
    inlines = (ContactInline,)
    autocomplete_fields = ("account",)
    readonly_fields = ("answers",)
    actions_list = ("upload",)
    fields = (
        ("account", "external_id"),
        ("title", "name", "lang"),
        "photo_url",
        "attributes",
        "answers",
    )

    @admin.display(description="Answers")
    def answers(self, person: Person) -> str:
        return _summary_of(responses.of_person(person)) if person.pk else ""

    @action(description="Import", permissions=["operate"])
    def upload(self, request: HttpRequest) -> HttpResponse:
        form = ImportForm(request.POST or None, request.FILES or None)
        return self.carry_out(
            request,
            form,
            {"title": "Import people", "button": "Import"},
            lambda form, now: self._import(request, form.cleaned_data, now),
        )

    def _import(self, request: HttpRequest, wanted: dict[str, Any], now: datetime) -> HttpResponse:
        name, text = wanted["file"]
        if name.lower().endswith(".json"):
            report = people_imports.from_json(wanted["account"], text)
        else:
            report = people_imports.from_csv(wanted["account"], text.splitlines(keepends=True))
        detail = {"stored": report.stored, "refused": len(report.refused)}
        audit.record(
            "import people",
            wanted["account"],
            now=now,
            account=wanted["account"],
            user=request.user,
            detail=detail,
        )
        self.message_user(request, f"{report.stored} people stored.", messages.SUCCESS)
        if report.refused:
            self.message_user(request, _refusals_of(report), messages.WARNING)
        return HttpResponseRedirect(reverse("admin:earwig_person_changelist"))


def _summary_of(rows: Any) -> str:
    counted = rows.order_by("kind").values_list("kind").annotate(Count("id"))
    return ", ".join(f"{kind.removeprefix('reply_')} {number}" for kind, number in counted) or "none"


def _refusals_of(report: people_imports.Report) -> SafeString:
    shown = [*report.refused[:MOST_REFUSALS_SHOWN]]
    if len(report.refused) > len(shown):
        shown.append(("…", f"{len(report.refused)} in all"))
    return format_html_join("; ", "{}: {}", shown)
