"""Subscriptions that were found behind, with what they miss and how to bring them on; estimates of a day's runs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.paginator import InfinitePaginator

from spooling.admin.read_only import ReadOnlyAdmin, table
from spooling.admin.stages import rows, subscriptions
from spooling.models import BehindSubscription, MessageSet, SendEstimate, Subscription
from spooling.stages import positions, requests

#: Messages that a subscription misses: from, up to.
AMOUNTS = {"1": (1, 1), "2": (2, 2), "3-5": (3, 5), "6-10": (6, 10), "more": (11, 2**31)}


class AmountFilter(admin.SimpleListFilter):
    title = "messages behind"
    parameter_name = "amount"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(amount, amount) for amount in AMOUNTS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        amount = AMOUNTS.get(self.value() or "")
        return queryset.filter(messages_behind__range=amount) if amount else queryset


@admin.register(BehindSubscription)
class BehindSubscriptionAdmin(ReadOnlyAdmin):
    paginator = InfinitePaginator
    list_display = (
        "id",
        "to_subscription",
        "identity",
        "account",
        "messages_behind",
        "current",
        "expected",
        "created_at",
    )
    list_filter = (AmountFilter, "account", "current_messageset", "expected_messageset")
    list_select_related = ("account", "subscription", "current_messageset", "expected_messageset")
    ordering = ("-id",)
    actions = ("send_selected", "forward_selected")
    actions_list = ("find",)
    fields = (
        ("id", "account"),
        "to_subscription",
        "messages_behind",
        ("current", "expected"),
        "created_at",
        "by_now",
    )

    @admin.display(description="Subscription")
    def to_subscription(self, row: BehindSubscription) -> SafeString | str:
        return rows.link(row.subscription)

    @admin.display(description="Identity")
    def identity(self, row: BehindSubscription) -> str:
        return row.subscription.identity

    @admin.display(description="It was at")
    def current(self, row: BehindSubscription) -> str:
        return f"{row.current_messageset} {row.current_sequence_number}"

    @admin.display(description="It should have been at")
    def expected(self, row: BehindSubscription) -> str:
        return f"{row.expected_messageset} {row.expected_sequence_number}"

    @admin.display(description="By now")
    def by_now(self, row: BehindSubscription) -> SafeString:
        """The difference anew: the list is as old as its rows."""
        own = Subscription.objects.select_related("schedule", "messageset").get(pk=row.subscription_id)
        missed = positions.behind(own, until=timezone.now())
        expected = MessageSet.objects.get(pk=missed.message_set_id)
        return table(
            (
                ("It is at", f"{own.messageset} {own.next_sequence_number}, {subscriptions.status_of(own)}"),
                ("It should be at", f"{expected} {missed.number}"),
                ("Messages behind", missed.messages),
            )
        )

    @action(
        description="Find", permissions=["operate"], dialog=rows.asks_account("Find those behind", "Find")
    )
    def find(self, request: HttpRequest, form: rows.AccountDialog) -> HttpResponse:
        return rows.ask_for(self, request, form, "behind.find", requests.ask_find_behind)

    @action(description="Send now", permissions=["operate"])
    def send_selected(self, request: HttpRequest, chosen: QuerySet[BehindSubscription]) -> None:
        subscriptions.carry_out(self, request, _of(chosen), "send", requests.ask_send)

    @action(description="Fast-forward", permissions=["operate"])
    def forward_selected(self, request: HttpRequest, chosen: QuerySet[BehindSubscription]) -> None:
        subscriptions.carry_out(self, request, _of(chosen), "fast_forward", subscriptions.fast_forward)


@admin.register(SendEstimate)
class SendEstimateAdmin(ReadOnlyAdmin):
    list_display = ("estimated_on", "messageset", "account", "subscriptions", "identities")
    list_filter = ("estimated_on", "messageset__account")
    list_select_related = ("messageset__account",)
    ordering = ("-estimated_on", "messageset")
    actions_list = ("estimate",)
    fields = (("estimated_on", "messageset"), ("subscriptions", "identities"))

    def account_of(self, obj: SendEstimate) -> Any:
        return obj.messageset.account

    @admin.display(description="Account")
    def account(self, row: SendEstimate) -> str:
        return row.messageset.account.slug

    @action(
        description="Estimate today",
        permissions=["operate"],
        dialog=rows.asks_account("Estimate what today's runs reach", "Estimate"),
    )
    def estimate(self, request: HttpRequest, form: rows.AccountDialog) -> HttpResponse:
        return rows.ask_for(self, request, form, "estimate", requests.ask_estimate)


def _of(chosen: QuerySet[BehindSubscription]) -> QuerySet[Subscription]:
    """Each once, though it may have been found several times."""
    ids = list(chosen.order_by().values_list("subscription", flat=True))
    return Subscription.objects.filter(pk__in=ids).select_related("account", "schedule").order_by("pk")
