"""Accepted jobs that are not mails, with their progress."""

from django.contrib import admin

from spooling.admin.read_only import ReadOnlyAdmin
from spooling.models import JobRequest


@admin.register(JobRequest)
class JobRequestAdmin(ReadOnlyAdmin):
    list_display = ("public_id", "account", "kind", "state", "progress", "total", "created_at", "ended_at")
    list_filter = ("state", "kind", "account")
    list_select_related = ("account",)
    ordering = ("-id",)
    fields = (
        ("public_id", "account"),
        ("kind", "state"),
        ("progress", "total"),
        "arguments",
        "result",
        ("created_at", "leased_until", "ended_at"),
    )
