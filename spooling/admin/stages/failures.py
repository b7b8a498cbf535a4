"""Messages that could not be handed over, and asking for them again."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.paginator import InfinitePaginator

from earwig.models import Account
from spooling.admin.read_only import ReadOnlyAdmin
from spooling.admin.stages import rows
from spooling.models import Resend, SendFailure
from spooling.stages import requests


@admin.register(SendFailure)
class SendFailureAdmin(ReadOnlyAdmin):
    paginator = InfinitePaginator
    list_display = ("id", "to_subscription", "identity", "account", "reason", "initiated_at")
    list_filter = ("account", "subscription__messageset")
    list_select_related = ("account", "subscription")
    ordering = ("-id",)
    actions_list = ("requeue",)
    fields = (("id", "account"), "to_subscription", "task_id", "reason", "initiated_at")

    @admin.display(description="Subscription")
    def to_subscription(self, row: SendFailure) -> SafeString | str:
        return rows.link(row.subscription)

    @admin.display(description="Identity")
    def identity(self, row: SendFailure) -> str:
        return row.subscription.identity

    @action(
        description="Requeue",
        permissions=["operate"],
        dialog=rows.asks_account("Ask again for every message that failed", "Requeue"),
    )
    def requeue(self, request: HttpRequest, form: rows.AccountDialog) -> HttpResponse:
        return rows.ask_for(self, request, form, "failure.requeue", requests.ask_requeue)


@admin.register(Resend)
class ResendAdmin(ReadOnlyAdmin):
    paginator = InfinitePaginator
    list_display = ("id", "subscription", "message", "outbound_id", "created_at")
    list_select_related = ("subscription", "message")
    ordering = ("-id",)
    fields = ("subscription", "message", "outbound_id", "created_at")

    def account_of(self, obj: Resend) -> Account:
        return obj.subscription.account
