"""The mail trap's pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.paginator import InfinitePaginator

from spooling.admin import message_pages
from spooling.models import TrappedMail


@admin.register(TrappedMail)
class TrappedMailAdmin(message_pages.MessageAdmin):
    paginator = InfinitePaginator
    list_display = ("received_at", "envelope_recipient", "subject", "envelope_sender")
    list_display_links = ("received_at", "envelope_recipient", "subject")
    list_disable_select_all = False
    search_fields = ("envelope_recipient", "subject")
    search_help_text = "Recipient or subject."
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("subject", ("envelope_sender", "envelope_recipient"), "received_at")}),
        *message_pages.TABS,
    )

    def account_of(self, obj: TrappedMail) -> None:
        """Nobody's: the trap is the installation's."""

    def raw_of(self, row: TrappedMail) -> bytes:
        return bytes(row.raw)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("spooling.delete_trappedmail")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrappedMail]:
        mails: QuerySet[TrappedMail] = super().get_queryset(request)
        return mails.defer("raw")
