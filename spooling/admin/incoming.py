"""Mail that came in, and reports on DMARC, as staff see them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.paginator import InfinitePaginator

from spooling.admin import message_pages
from spooling.admin.read_only import ReadOnlyAdmin
from spooling.inbound import bounds
from spooling.models import DmarcReport, IncomingMail

#: Characters of a report's XML that the page shows.
LONGEST_XML = 200_000


@admin.register(IncomingMail)
class IncomingMailAdmin(message_pages.MessageAdmin):
    paginator = InfinitePaginator
    list_display = ("received_at", "kind", "account", "mail_id")
    list_display_links = ("received_at", "kind")
    list_filter = ("kind", "account")
    list_select_related = ("account",)
    ordering = ("-received_at",)
    fieldsets = (
        (None, {"fields": (("kind", "received_at"), "account", "about")}),
        *message_pages.TABS,
    )

    def raw_of(self, row: IncomingMail) -> bytes:
        """Its beginning, as far as it can be read in a moment."""
        return bounds.tame(bytes(row.raw))

    @admin.display(description="About")
    def about(self, row: IncomingMail) -> str | SafeString:
        if row.mail_id is None:
            return "No mail of ours is known by it."
        url = reverse("admin:spooling_mail_change", args=(row.mail_id,))
        return format_html('<a class="underline" href="{}">Mail {}</a>', url, row.mail_id)

    def get_queryset(self, request: HttpRequest) -> QuerySet[IncomingMail]:
        mails: QuerySet[IncomingMail] = super().get_queryset(request)
        return mails.defer("raw")


@admin.register(DmarcReport)
class DmarcReportAdmin(ReadOnlyAdmin):
    paginator = InfinitePaginator
    list_display = (
        *("begins_at", "domain", "organisation", "account"),
        *("messages", "failed_spf", "failed_dkim"),
    )
    list_display_links = ("begins_at", "domain")
    list_filter = ("account",)
    list_select_related = ("account",)
    search_fields = ("domain", "organisation")
    ordering = ("-begins_at",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("domain", "account"),
                    ("organisation", "email", "report_id"),
                    ("begins_at", "ends_at", "received_at"),
                    ("messages", "failed_spf", "failed_dkim"),
                    "report",
                )
            },
        ),
    )

    @admin.display(description="Report")
    def report(self, row: DmarcReport) -> SafeString:
        return format_html('<pre class="whitespace-pre-wrap break-words">{}</pre>', row.xml[:LONGEST_XML])

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        reports: QuerySet[Any] = super().get_queryset(request)
        return reports if request.resolver_match and request.resolver_match.kwargs else reports.defer("xml")
