"""Webhooks of all accounts: how each is doing, its calls, and what staff may do about it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold import widgets
from unfold.decorators import action
from unfold.forms import BaseDialogForm

from earwig.admin import pages
from earwig.models import Account
from spooling.admin.read_only import ReadOnlyAdmin
from spooling.webhooks import replays
from stats import webhooks
from stats.models import Webhook, WebhookDelivery

_BY_STAFF = "By the installation's staff."


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state) for state in webhooks.STATES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> QuerySet[Webhook]:
        of_state = webhooks.STATES.get(self.value() or "")
        return queryset if of_state is None else queryset.filter(of_state)


class ReplayForm(forms.Form):
    since = forms.SplitDateTimeField(widget=widgets.UnfoldAdminSplitDateTimeWidget, help_text="UTC.")
    until = forms.SplitDateTimeField(
        widget=widgets.UnfoldAdminSplitDateTimeWidget, required=False, help_text="UTC. Empty: until now."
    )


class _OfAccount(ReadOnlyAdmin):
    """Of tables that name an account by its number."""

    #: Where a row has it.
    account_column = "account_id"

    @admin.display()
    def account(self, row: Any) -> str:
        return str(row.slug or "")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        slug = Account.objects.filter(pk=OuterRef(self.account_column)).values("slug")
        rows: QuerySet[Any] = super().get_queryset(request).annotate(slug=Subquery(slug))
        return rows


@admin.register(Webhook)
class WebhookAdmin(_OfAccount):
    list_display = ("url", "account", "format", "state", "tries", "next_try_at", "created_at")
    list_filter = (StateFilter, "format")
    search_fields = ("url", "token")
    ordering = ("-id",)
    actions_detail = ("pause", "resume", "rotate", "replay")
    fields = (
        ("token", "account"),
        "url",
        ("kinds", "format"),
        "settings",
        ("state", "paused_at", "paused_because"),
        ("tries", "failing_since", "next_try_at"),
        ("created_at", "verified_at", "previous_until"),
        "calls",
    )
    readonly_fields = ("account", "state", "calls")

    def account_of(self, obj: Webhook) -> Account | None:
        return Account.objects.filter(pk=obj.account_id).first()

    @admin.display(description="Calls")
    def calls(self, webhook: Webhook) -> SafeString:
        page = reverse("admin:stats_webhookdelivery_changelist")
        return format_html('<a href="{}?webhook__id__exact={}">Show the log</a>', page, webhook.pk)

    @action(
        description="Pause",
        permissions=["operate"],
        dialog=pages.asks("Pause", "It is told nothing until it is resumed; nothing is lost."),
    )
    def pause(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        webhook = pages.row_or_404(Webhook, object_id)
        with transaction.atomic():
            webhooks.pause(webhook, because=_BY_STAFF, now=timezone.now())
            self.note(request, "webhook.pause", webhook)
        return pages.moved_to(webhook)

    @action(
        description="Resume",
        permissions=["operate"],
        dialog=pages.asks("Resume", "It is told what happened since, from where it stood."),
    )
    def resume(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        webhook = pages.row_or_404(Webhook, object_id)
        with transaction.atomic():
            webhooks.resume(webhook, now=timezone.now())
            self.note(request, "webhook.resume", webhook)
        return pages.moved_to(webhook)

    @action(description="New secret", permissions=["operate"])
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        webhook = pages.row_or_404(Webhook, object_id)
        context = {
            "title": "A new secret",
            "button": "Make it",
            "explanation": "It is shown once. The one before signs too for 24 hours.",
        }
        return self.carry_out(
            request,
            forms.Form(request.POST or None),
            context,
            lambda _, now: self._rotate(request, webhook, now),
        )

    @action(description="Tell again", permissions=["operate"])
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        webhook = pages.row_or_404(Webhook, object_id)
        context = {
            "title": "Tell events once more",
            "button": "Tell again",
            "explanation": "Beside what is new, with the same ids. The list of jobs says how far it is.",
        }
        form = ReplayForm(request.POST or None)
        return self.carry_out(
            request, form, context, lambda form, now: self._replay(request, webhook, form.cleaned_data, now)
        )

    @transaction.atomic
    def _rotate(self, request: HttpRequest, webhook: Webhook, now: datetime) -> HttpResponse:
        secret = webhooks.rotate(webhook, now=now)
        self.note(request, "webhook.rotate", webhook)
        context = {
            "title": "The secret",
            "secret": secret,
            "href": pages.page_of(webhook),
            "explanation": "Copy the secret now. It cannot be shown again.",
        }
        return self.answer(request, "secret", context)

    @transaction.atomic
    def _replay(
        self, request: HttpRequest, webhook: Webhook, asked: dict[str, Any], now: datetime
    ) -> HttpResponse:
        replays.ask(webhook, since=asked["since"], until=asked["until"] or now, now=now)
        self.note(request, "webhook.replay", webhook)
        self.message_user(request, "The events are being told once more.", messages.SUCCESS)
        return HttpResponseRedirect(pages.page_of(webhook))


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(_OfAccount):
    account_column = "webhook__account_id"
    list_display = ("at", "webhook", "account", "status", "fault", "events", "replay", "milliseconds")
    list_filter = ("replay", "status")
    list_select_related = ("webhook",)
    ordering = ("-id",)
    fields = (
        ("at", "webhook", "account"),
        ("status", "fault", "milliseconds"),
        ("events", "first_event_id", "last_event_id", "replay"),
    )
    readonly_fields = ("account",)

    def account_of(self, obj: WebhookDelivery) -> Account | None:
        return Account.objects.filter(pk=obj.webhook.account_id).first()

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "webhook__id__exact" or super().lookup_allowed(lookup, value, request)
