"""Addresses that get no mail: found by the keyed hash of what is typed, so erased ones are found too."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from earwig import errors, mailboxes, sealing
from earwig.admin import pages
from spooling import suppressions
from spooling.models import Suppression


class SuppressionForm(forms.ModelForm):
    def clean_address(self) -> str:
        try:
            return mailboxes.normal(self.cleaned_data["address"])
        except errors.InvalidAddress as refused:
            raise forms.ValidationError(refused.message, code=refused.code) from None


@admin.register(Suppression)
class SuppressionAdmin(pages.AuditedAdmin):
    form = SuppressionForm
    list_display = (
        "id",
        "address",
        "account",
        "domain",
        "stream",
        "reason",
        "source",
        "created_at",
        "expires_at",
    )
    list_filter = ("reason", "account")
    list_select_related = ("account",)
    show_full_result_count = False
    search_fields = ("address_hash",)
    search_help_text = "A whole address."
    ordering = ("-id",)
    fields = ("account", "address", "domain", "stream", "reason")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Suppression], search_term: str
    ) -> tuple[QuerySet[Suppression], bool]:
        term = search_term.strip()
        return (queryset.filter(address_hash=sealing.address_hash(term)) if term else queryset), False

    def save_model(self, request: HttpRequest, obj: Suppression, form: forms.ModelForm, change: Any) -> None:
        scope = suppressions.Scope(account_id=obj.account_id, domain=obj.domain, stream=obj.stream)
        stored = suppressions.suppress(
            scope, obj.address, reason=obj.reason, source="admin", now=timezone.now()
        )
        obj.pk = stored.pk
