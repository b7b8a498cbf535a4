"""Messages of sets: a cell of the set's grid, edited on a page of its own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.paginator import InfinitePaginator

from earwig.admin import pages
from earwig.models import Account
from spooling.admin.stages import rows
from spooling.models import BinaryContent, MessageSet, StageMessage

EXCERPT = 80


class SetChoice(forms.ModelChoiceField):
    """Sets with their accounts: short names repeat among accounts."""

    def label_from_instance(self, obj: Model) -> str:
        assert isinstance(obj, MessageSet)
        return f"{obj.account.slug}: {obj}"


class StageMessageForm(rows.OneAccountForm):
    links = ("binary_content", "template")

    def known_account(self) -> int | None:
        """That of the set that the message is in, or that the grid's link names."""
        named = str(self.instance.messageset_id or self.initial.get("messageset", ""))
        if not named.isdecimal():
            return None
        return MessageSet.objects.filter(pk=int(named)).values_list("account", flat=True).first()

    def typed_account(self, cleaned: dict[str, Any]) -> int | None:
        message_set = cleaned.get("messageset")
        return message_set.account_id if message_set else self.known_account()

    def clean_text_content(self) -> str | None:
        return self.cleaned_data["text_content"] or None

    def clean_metadata(self) -> Any:
        metadata = self.cleaned_data["metadata"]
        if metadata is not None and not isinstance(metadata, dict):
            raise forms.ValidationError("A JSON object is required.")
        return metadata or {}


@admin.register(StageMessage)
class StageMessageAdmin(pages.AuditedAdmin):
    form = StageMessageForm
    paginator = InfinitePaginator
    list_display = ("id", "messageset", "sequence_number", "lang", "excerpt", "binary_content", "template")
    list_filter = ("messageset__account", "messageset")
    list_select_related = ("messageset", "binary_content", "template")
    search_fields = ("=messageset__short_name", "=lang")
    search_help_text = "The short name of a set, or a language."
    ordering = ("messageset", "sequence_number", "lang")
    show_full_result_count = False
    readonly_fields = ("created_at", "updated_at")
    fields = (
        "messageset",
        ("sequence_number", "lang"),
        "text_content",
        ("binary_content", "template"),
        "metadata",
    )

    def account_of(self, obj: StageMessage) -> Account:
        return obj.messageset.account

    def get_queryset(self, request: HttpRequest) -> QuerySet[StageMessage]:
        found: QuerySet[StageMessage] = super().get_queryset(request)
        start = Left("text_content", EXCERPT + 1)
        return found.annotate(start=start).defer("binary_content__data")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("messageset", *self.readonly_fields) if obj else self.readonly_fields

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "messageset":
            found = MessageSet.objects.select_related("account").order_by("account__slug", "short_name")
            options |= {"form_class": SetChoice, "queryset": found}
        elif db_field.name == "binary_content":
            options["queryset"] = BinaryContent.objects.defer("data").order_by("-id")
        return super().formfield_for_foreignkey(db_field, request, **options)

    @admin.display(description="Text")
    def excerpt(self, message: StageMessage) -> str:
        start: str = message.start or ""  # type: ignore[attr-defined]  # annotated
        return start[:EXCERPT] + ("…" if len(start) > EXCERPT else "")

    def response_post_save_add(self, request: HttpRequest, obj: StageMessage) -> HttpResponse:
        return HttpResponseRedirect(pages.page_of(obj.messageset))

    def response_post_save_change(self, request: HttpRequest, obj: StageMessage) -> HttpResponse:
        return HttpResponseRedirect(pages.page_of(obj.messageset))
