"""Accounts with their users."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import TabularInline

from earwig.admin import pages
from earwig.models import Account, Membership


class MembershipInline(TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("user",)


@admin.register(Account)
class AccountAdmin(pages.AuditedAdmin):
    list_display = ("slug", "name", "active", "created_at")
    list_filter = ("active",)
    search_fields = ("slug", "name")
    ordering = ("slug",)
    inlines = (MembershipInline,)
    readonly_fields = ("created_at",)
    fieldsets = (
        (None, {"fields": (("slug", "name"), "active", "created_at")}),
        ("Limits", {"fields": (("mails_per_hour", "mails_per_day", "mails_per_month"),)}),
        ("Policies", {"fields": (("in_doubt_transactional", "in_doubt_bulk"), "any_from_domain")}),
    )

    def account_of(self, obj: Account) -> Account:
        return obj

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
