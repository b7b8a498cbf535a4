"""The audit trail."""

from __future__ import annotations

from django.contrib import admin

from earwig.admin import pages
from earwig.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(pages.ReadOnlyAdmin):
    list_display = ("at", "action", "subject", "account", "user", "key_prefix")
    list_filter = ("account", "action")
    list_select_related = ("account", "user")
    search_fields = ("=subject", "=key_prefix")
    search_help_text = "A model and an id, such as apikey 7, or a key's prefix."
    ordering = ("-id",)
    show_full_result_count = False
