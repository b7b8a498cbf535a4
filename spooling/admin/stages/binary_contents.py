"""Uploaded files. What they hold is a customer's: shown fenced, never as a page of ours."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.functions import Length
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold import widgets

from earwig.admin import pages
from earwig.web import customer_content
from spooling.admin.read_only import table
from spooling.admin.stages import rows
from spooling.models import BinaryContent, StageMessage
from spooling.stages import binary_contents

#: Messages that a file's page lists.
MOST_LISTED = 50


class UploadForm(rows.AccountForm):
    file = forms.FileField(widget=widgets.UnfoldAdminFileFieldWidget)

    def clean_file(self) -> Any:
        upload = self.cleaned_data["file"]
        if upload.size > settings.MAX_BODY_BYTES:
            raise forms.ValidationError(f"A file has at most {filesizeformat(settings.MAX_BODY_BYTES)}.")
        return upload


@admin.register(BinaryContent)
class BinaryContentAdmin(rows.GuardedAdmin):
    list_display = ("name", "account", "type", "size", "created_at")
    list_filter = ("account",)
    list_select_related = ("account",)
    search_fields = ("=name",)
    ordering = ("-id",)
    show_full_result_count = False
    fields = readonly_fields = (
        "name",
        "account",
        "type",
        "size",
        "created_at",
        "public_address",
        "file",
        "shown_by",
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[BinaryContent]:
        found: QuerySet[BinaryContent] = super().get_queryset(request)
        return found.annotate(length=Length("data")).defer("data")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.show_file)
        return [path("<int:pk>/file/", view, name="spooling_binarycontent_file"), *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        context = {
            "title": "Upload a file",
            "button": "Upload",
            "explanation": "Everybody who has its address can see it. Its name is made here.",
        }
        form = UploadForm(request.POST or None, request.FILES or None)
        return self.carry_out(
            request, form, context, lambda form, now: self._store(request, form.cleaned_data, now)
        )

    def show_file(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise Http404
        row = get_object_or_404(BinaryContent, pk=pk)
        return customer_content.file(bytes(row.data), name=row.name, type_=row.type)

    def users_of(self, obj: BinaryContent) -> Iterable[tuple[str, QuerySet[Any]]]:
        yield "Messages", StageMessage.objects.filter(binary_content=obj)

    def delete_model(self, request: HttpRequest, obj: BinaryContent) -> None:
        binary_contents.remove(obj)

    @admin.display(description="Size", ordering="length")
    def size(self, row: BinaryContent) -> str:
        return filesizeformat(row.length)  # type: ignore[attr-defined]  # annotated

    @admin.display(description="Public address")
    def public_address(self, row: BinaryContent) -> str:
        return binary_contents.url_of(row)

    @admin.display(description="File")
    def file(self, row: BinaryContent) -> SafeString:
        url = reverse("admin:spooling_binarycontent_file", args=(row.pk,))
        return format_html('<a class="underline" href="{}">Open or save</a>', url)

    @admin.display(description="Shown by")
    def shown_by(self, row: BinaryContent) -> str | SafeString:
        messages = row.messages.select_related("messageset").order_by("id")[:MOST_LISTED]
        listed = [
            (each.messageset, rows.link(each, f"{each.sequence_number} {each.lang}")) for each in messages
        ]
        return table(listed) if listed else "No message."

    def _store(self, request: HttpRequest, wanted: dict[str, Any], now: datetime) -> HttpResponse:
        file = wanted["file"]
        upload = binary_contents.Upload(filename=file.name, type=file.content_type or "", data=file.read())
        row = binary_contents.store(wanted["account"].pk, upload, now=now)
        self.log_addition(request, row, [{"added": {}}])
        return HttpResponseRedirect(pages.page_of(row))
