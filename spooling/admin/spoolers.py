"""Campaigns and streams with their ledgers, and the verbs that move them."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.forms import BaseDialogForm

from earwig.admin import pages
from earwig.errors import EarwigError
from spooling import jobs, ledger, spoolers
from spooling.admin.read_only import ReadOnlyAdmin, mapping
from spooling.models import Spooler


@admin.register(Spooler)
class SpoolerAdmin(ReadOnlyAdmin):
    list_display = ("name", "account", "type", "lane", "state", "start_at", "created_at")
    list_filter = ("state", "type", "lane", "account")
    list_select_related = ("account",)
    search_fields = ("=token", "name")
    ordering = ("-id",)
    actions_detail = ("pause", "resume", "finish", "cancel", "retry")
    fields = (
        "name",
        "token",
        ("account", "domain"),
        ("type", "lane"),
        "state",
        ("start_at", "not_after"),
        ("created_at", "ended_at"),
        "tags",
        "counts",
    )

    @admin.display(description="Ledger")
    def counts(self, spooler: Spooler) -> SafeString:
        return mapping(ledger.shown(spooler))

    @action(
        description="Pause",
        permissions=["operate"],
        dialog=pages.asks("Pause", "Nothing leaves until it is resumed."),
    )
    def pause(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, object_id, spoolers.pause)

    @action(
        description="Resume",
        permissions=["operate"],
        dialog=pages.asks("Resume", "Whatever is due leaves at once."),
    )
    def resume(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, object_id, spoolers.ready)

    @action(
        description="Finish",
        permissions=["operate"],
        dialog=pages.asks("Finish", "It takes no more mail; what waits still leaves."),
    )
    def finish(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, object_id, spoolers.finish)

    @action(
        description="Cancel",
        permissions=["operate"],
        dialog=pages.asks("Cancel", "Whatever has not left never leaves. This cannot be undone."),
    )
    def cancel(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, object_id, spoolers.cancel)

    @action(
        description="Retry",
        permissions=["operate"],
        dialog=pages.asks("Retry", "What failed, was held or is in doubt until now waits again."),
    )
    def retry(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        spooler = get_object_or_404(Spooler, pk=object_id)
        try:
            job = jobs.ask_retry(spooler, now=timezone.now())
        except EarwigError as refused:
            self.message_user(request, refused.message, messages.ERROR)
            return pages.moved_to(spooler)
        self.note(request, "spooler.retry", spooler)
        return pages.moved_to(job)

    def _move(self, request: HttpRequest, object_id: str, verb: Callable[..., None]) -> HttpResponse:
        spooler = get_object_or_404(Spooler, pk=object_id)
        try:
            verb(spooler, now=timezone.now())
        except EarwigError as refused:
            self.message_user(request, refused.message, messages.ERROR)
        else:
            self.note(request, f"spooler.{verb.__name__}", spooler)
            self.message_user(request, f"{spooler.name} is {spooler.get_state_display()}.", messages.SUCCESS)
        return pages.moved_to(spooler)
