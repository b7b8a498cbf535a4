"""Claims: which worker holds which batch, and until when."""

from django.contrib import admin

from spooling.admin.read_only import ReadOnlyAdmin
from spooling.models import Claim


@admin.register(Claim)
class ClaimAdmin(ReadOnlyAdmin):
    list_display = ("id", "worker", "lane", "host", "leased_until", "created_at")
    list_filter = ("lane",)
    ordering = ("-id",)
