"""Warm-up plans of sending domains."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone

from earwig.admin import pages
from earwig.models import Account
from spooling import warm_ups
from spooling.admin.read_only import mapping
from spooling.models import WarmUp


@admin.register(WarmUp)
class WarmUpAdmin(pages.AuditedAdmin):
    list_display = ("domain", "started_on", "first_day", "growth_percent", "days", "quota_today")
    list_select_related = ("domain",)
    autocomplete_fields = ("domain",)
    readonly_fields = ("quota_today", "left_today")
    fields = ("domain", "started_on", ("first_day", "growth_percent", "days"), "quota_today", "left_today")

    def account_of(self, obj: WarmUp) -> Account | None:
        account: Account = obj.domain.account
        return account

    @admin.display(description="Mails to each provider today")
    def quota_today(self, plan: WarmUp) -> str:
        if not plan.pk:
            return ""
        quota = warm_ups.quota(plan, timezone.now().date())
        return "any number" if quota is None else str(quota)

    @admin.display(description="Left today")
    def left_today(self, plan: WarmUp) -> str:
        return mapping(warm_ups.today(plan, now=timezone.now())) if plan.pk else ""
