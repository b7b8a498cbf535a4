"""Pages that show a whole message. What it says is hostile: shown escaped, its HTML only inside a sandbox."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from earwig.web import customer_content
from spooling import received
from spooling.admin.read_only import ReadOnlyAdmin, table

#: Characters of a text part that the page shows; the source has the rest.
LONGEST_TEXT = 200_000

#: The tabs that show the message.
TABS = (
    ("HTML", {"fields": ("html",), "classes": ("tab",)}),
    ("Text", {"fields": ("text",), "classes": ("tab",)}),
    ("Headers", {"fields": ("headers",), "classes": ("tab",)}),
    ("Files and source", {"fields": ("files", "source"), "classes": ("tab",)}),
)


class MessageAdmin(ReadOnlyAdmin):
    """Lists rows that each stand for a message; `raw_of` gives its bytes, empty where there are none any more."""

    def raw_of(self, row: Any) -> bytes:
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        views = (
            ("html", "<int:pk>/html/", self.show_html),
            ("source", "<int:pk>/source/", self.show_source),
            ("file", "<int:pk>/files/<int:place>/", self.show_file),
        )
        own = [
            path(route, self.admin_site.admin_view(view), name=self._name(what))
            for what, route, view in views
        ]
        return [*own, *super().get_urls()]

    @admin.display(description="As a mail program shows it")
    def html(self, row: Model) -> str | SafeString:
        if not self._read(row).html:
            return "There is no HTML part."
        return format_html(
            '<iframe src="{}" sandbox referrerpolicy="no-referrer" title="The mail\'s HTML" '
            'style="width:100%;height:70vh;background:#fff" class="rounded border"></iframe>',
            self._url("html", row),
        )

    @admin.display(description="Text part")
    def text(self, row: Model) -> SafeString:
        text = self._read(row).text[:LONGEST_TEXT]
        return format_html('<pre class="whitespace-pre-wrap break-words">{}</pre>', text)

    @admin.display(description="Header fields")
    def headers(self, row: Model) -> SafeString:
        return table(self._read(row).headers)

    @admin.display(description="Attachments and inline files")
    def files(self, row: Model) -> str | SafeString:
        rows = [
            (self._url("file", row, place), file.name, file.type, filesizeformat(len(file.data)))
            for place, file in enumerate(self._read(row).files)
        ]
        return format_html_join("", '<p><a class="underline" href="{}">{}</a> ({}, {})</p>', rows) or "None."

    @admin.display(description="Source")
    def source(self, row: Model) -> str | SafeString:
        raw = self.raw_of(row)
        if not raw:
            return "Nothing is left to show."
        link = '<a class="underline" href="{}">Raw mail</a> ({})'
        return format_html(link, self._url("source", row), filesizeformat(len(raw)))

    def show_html(self, request: HttpRequest, pk: int) -> HttpResponse:
        return customer_content.page(self._read(self._row(request, pk)).html_with_images())

    def show_source(self, request: HttpRequest, pk: int) -> HttpResponse:
        raw = self.raw_of(self._row(request, pk))
        return customer_content.file(raw, name=f"mail-{pk}.eml", type_="message/rfc822")

    def show_file(self, request: HttpRequest, pk: int, place: int) -> HttpResponse:
        files = self._read(self._row(request, pk)).files
        if place >= len(files):
            raise Http404
        return customer_content.file(files[place].data, name=files[place].name, type_=files[place].type)

    def _name(self, what: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{what}"

    def _url(self, what: str, row: Model, *more: int) -> str:
        return reverse(f"admin:{self._name(what)}", args=(row.pk, *more))

    def _row(self, request: HttpRequest, pk: int) -> Model:
        """Staff without the right to see the model get the same answer as for a row that is not there."""
        if not self.has_view_permission(request):
            raise Http404
        row: Model = get_object_or_404(self.model, pk=pk)
        return row

    def _read(self, row: Model) -> received.Received:
        """Parsed once per loaded row, though six fields ask."""
        kept = row.__dict__.get("received")
        if not isinstance(kept, received.Received):
            kept = row.__dict__["received"] = received.read(self.raw_of(row))
        return kept
