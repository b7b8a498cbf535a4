"""The mail trap's pages. What a mail says is hostile: shown escaped, its HTML only inside a sandbox."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.paginator import InfinitePaginator

from spooling import customer_content, received
from spooling.admin.read_only import ReadOnlyAdmin, table
from spooling.models import TrappedMail

#: Characters of a text part that the page shows; the raw mail has the rest.
LONGEST_TEXT = 200_000


@admin.register(TrappedMail)
class TrappedMailAdmin(ReadOnlyAdmin):
    paginator = InfinitePaginator
    list_display = ("received_at", "envelope_recipient", "subject", "envelope_sender")
    list_display_links = ("received_at", "envelope_recipient", "subject")
    list_disable_select_all = False
    search_fields = ("envelope_recipient", "subject")
    search_help_text = "Recipient or subject."
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("subject", ("envelope_sender", "envelope_recipient"), "received_at")}),
        ("HTML", {"fields": ("html",), "classes": ("tab",)}),
        ("Text", {"fields": ("text",), "classes": ("tab",)}),
        ("Headers", {"fields": ("headers",), "classes": ("tab",)}),
        ("Files and source", {"fields": ("files", "source"), "classes": ("tab",)}),
    )
    readonly_fields = ("html", "text", "headers", "files", "source")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("spooling.delete_trappedmail")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrappedMail]:
        mails: QuerySet[TrappedMail] = super().get_queryset(request)
        return mails.defer("raw")

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("<int:pk>/html/", self.admin_site.admin_view(self.show_html), name="spooling_trap_html"),
            path(
                "<int:pk>/source/", self.admin_site.admin_view(self.show_source), name="spooling_trap_source"
            ),
            path(
                "<int:pk>/files/<int:place>/",
                self.admin_site.admin_view(self.show_file),
                name="spooling_trap_file",
            ),
        ]
        return [*own, *super().get_urls()]

    @admin.display(description="As a mail program shows it")
    def html(self, mail: TrappedMail) -> str | SafeString:
        if not _read(mail).html:
            return "This mail has no HTML part."
        return format_html(
            '<iframe src="{}" sandbox referrerpolicy="no-referrer" title="The mail\'s HTML" '
            'style="width:100%;height:70vh;background:#fff" class="rounded border"></iframe>',
            reverse("admin:spooling_trap_html", args=(mail.pk,)),
        )

    @admin.display(description="Text part")
    def text(self, mail: TrappedMail) -> SafeString:
        return format_html(
            '<pre class="whitespace-pre-wrap break-words">{}</pre>', _read(mail).text[:LONGEST_TEXT]
        )

    @admin.display(description="Header fields")
    def headers(self, mail: TrappedMail) -> SafeString:
        return table(_read(mail).headers)

    @admin.display(description="Attachments and inline files")
    def files(self, mail: TrappedMail) -> str | SafeString:
        rows = [
            (
                reverse("admin:spooling_trap_file", args=(mail.pk, place)),
                file.name,
                file.type,
                _size(file.data),
            )
            for place, file in enumerate(_read(mail).files)
        ]
        return format_html_join("", '<p><a class="underline" href="{}">{}</a> ({}, {})</p>', rows) or "None."

    @admin.display(description="As it arrived")
    def source(self, mail: TrappedMail) -> SafeString:
        page = reverse("admin:spooling_trap_source", args=(mail.pk,))
        return format_html('<a class="underline" href="{}">Raw mail</a> ({})', page, _size(bytes(mail.raw)))

    def show_html(self, request: HttpRequest, pk: int) -> HttpResponse:
        return customer_content.page(_read(self._mail(request, pk)).html_with_images())

    def show_source(self, request: HttpRequest, pk: int) -> HttpResponse:
        mail = self._mail(request, pk)
        return customer_content.file(bytes(mail.raw), name=f"mail-{pk}.eml", type_="message/rfc822")

    def show_file(self, request: HttpRequest, pk: int, place: int) -> HttpResponse:
        files = _read(self._mail(request, pk)).files
        if place >= len(files):
            raise Http404
        return customer_content.file(files[place].data, name=files[place].name, type_=files[place].type)

    def _mail(self, request: HttpRequest, pk: int) -> TrappedMail:
        """Staff without the right to see trapped mail get the same answer as for one that is not there."""
        if not self.has_view_permission(request):
            raise Http404
        return get_object_or_404(TrappedMail, pk=pk)


def _read(mail: TrappedMail) -> received.Received:
    """Parsed once per loaded row, though six fields ask."""
    kept = mail.__dict__.get("received")
    if not isinstance(kept, received.Received):
        kept = mail.__dict__["received"] = received.read(bytes(mail.raw))
    return kept


def _size(data: bytes) -> str:
    return filesizeformat(len(data))
