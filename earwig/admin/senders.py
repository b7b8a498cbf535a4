"""Senders, shown only: what erases one reaches into tables above this application."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from earwig import senders
from earwig.admin import pages
from earwig.models import Sender


@admin.register(Sender)
class SenderAdmin(pages.ReadOnlyAdmin):
    list_display = ("__str__", "account", "name", "created_at", "email_expires_at", "purged_at")
    list_filter = ("account", ("email_expires_at", admin.DateFieldListFilter))
    list_select_related = ("account",)
    search_fields = ("hash",)
    search_help_text = "An address exactly as it was handed over, or the first digits of an id."
    ordering = ("-id",)
    show_full_result_count = False
    fields = (
        "hash",
        "account",
        ("name", "email"),
        ("created_at", "email_expires_at", "purged_at"),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Sender], search_term: str
    ) -> tuple[QuerySet[Sender], bool]:
        """By hash: an address finds its row even after the address has gone."""
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(Q(hash=senders.hash_of(term)) | Q(hash__startswith=term.lower())), False
