"""Handed-over messages, shown only: recipients, attempts, feedback, what the senders said of the answers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.admin import TabularInline

from earwig.admin import pages
from earwig.models import Account, DeliveryAttempt, HandoffMessage, MessageRecipient, ResponseStatistic


class RecipientInline(TabularInline):
    model = MessageRecipient
    extra = 0
    can_delete = False
    ordering = ("position",)
    fields = readonly_fields = ("person", "status", "tries")

    @admin.display(description="Attempts")
    def tries(self, recipient: MessageRecipient) -> SafeString:
        rows = [
            (pages.page_of(attempt), attempt.pk, attempt.status, attempt.feedback_type)
            for attempt in recipient.attempts.all()
        ]
        return format_html_join("", '<a class="block" href="{}">{}: {}, feedback {}</a>', rows)

    def get_queryset(self, request: HttpRequest) -> QuerySet[MessageRecipient]:
        rows: QuerySet[MessageRecipient] = super().get_queryset(request)
        return rows.select_related("person").prefetch_related("attempts")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(HandoffMessage)
class HandoffMessageAdmin(pages.ReadOnlyAdmin):
    list_display = ("id", "account", "type", "sender", "created_at")
    list_filter = ("account", "type", "recipients__status")
    list_select_related = ("account", "sender")
    search_fields = ("=id",)
    ordering = ("-created_at",)
    show_full_result_count = False
    inlines = (RecipientInline,)
    fields = (("id", "account"), ("type", "sender", "created_at"), "subject", "message")


@admin.register(DeliveryAttempt)
class DeliveryAttemptAdmin(pages.ReadOnlyAdmin):
    list_display = ("id", "person", "contact", "status", "feedback_type", "template", "created_at")
    list_filter = ("status", "feedback_type", "recipient__message__account")
    list_select_related = ("recipient__person", "contact")
    search_fields = ("=recipient__message__id",)
    ordering = ("-id",)
    show_full_result_count = False

    @admin.display(description="Person")
    def person(self, attempt: DeliveryAttempt) -> str:
        return str(attempt.recipient.person)

    def account_of(self, obj: DeliveryAttempt) -> Account:
        return obj.recipient.message.account


@admin.register(ResponseStatistic)
class ResponseStatisticAdmin(pages.ReadOnlyAdmin):
    list_display = ("attempt", "person", "contact", "template", "kind", "updated_at")
    list_filter = ("kind", "attempt__template", "attempt__recipient__message__account")
    list_select_related = ("attempt__recipient__person", "attempt__contact")
    search_fields = ("=attempt__recipient__person__external_id",)
    search_help_text = "A person's external id."
    ordering = ("-id",)
    show_full_result_count = False

    @admin.display(description="Person")
    def person(self, response: ResponseStatistic) -> str:
        return str(response.attempt.recipient.person)

    @admin.display(description="Contact")
    def contact(self, response: ResponseStatistic) -> str:
        return str(response.attempt.contact or "")

    @admin.display(description="Template")
    def template(self, response: ResponseStatistic) -> str:
        return response.attempt.template

    def account_of(self, obj: ResponseStatistic) -> Account:
        return obj.attempt.recipient.message.account
