"""Campaigns and streams with their ledgers, and the verbs that move them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold import widgets
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm

from earwig.admin import pages
from earwig.errors import EarwigError
from spooling import spoolers
from spooling.admin.campaigns import refusals
from spooling.admin.campaigns.pages import CampaignPages
from spooling.campaigns import launches, retries, staleness
from spooling.models import Spooler
from spooling.models.spoolers import SpoolerState, SpoolerType
from spooling.outbox import moves

#: Buttons that only look.
_LOOKS = frozenset({"preview", "why"})
#: The buttons of each state. Their addresses exist in all: who comes too late is told so.
_BUTTONS: dict[str, frozenset[str]] = {
    SpoolerState.PENDING: _LOOKS | {"launch", "cancel", "send_draft", "preflight"},
    SpoolerState.READY: _LOOKS | {"pause", "finish", "cancel", "retry", "preflight", "postpone"},
    SpoolerState.PAUSED: _LOOKS | {"resume", "finish", "cancel", "retry", "preflight", "postpone"},
    SpoolerState.FINISHED: _LOOKS | {"pause", "cancel", "retry", "preflight", "postpone"},
    SpoolerState.CANCELLED: _LOOKS,
}
#: What an ended campaign still offers, and a stream, which is never launched and never ends.
_ENDED, _STREAM = _LOOKS | {"retry"}, frozenset({"pause", "resume", "retry", "why"})


class RetryForm(BaseDialogForm):
    states = forms.MultipleChoiceField(
        choices=[(state.value, str(state.label)) for state in moves.RETRIED],
        required=False,
        label="Only these",
        widget=widgets.UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="None chosen: all of them.",
    )


class PostponeForm(BaseDialogForm):
    not_after = forms.DateTimeField(
        required=False,
        label="Nothing leaves after (UTC)",
        help_text="Empty: no end.",
        widget=widgets.UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
    )


@admin.register(Spooler)
class SpoolerAdmin(CampaignPages):
    list_display = ("name", "account", "type", "lane", "state", "start_at", "created_at")
    list_filter = ("state", "type", "lane", "account")
    list_select_related = ("account",)
    search_fields = ("=token", "name")
    ordering = ("-id",)
    actions_detail = (
        *("preview", "send_draft", "why", "launch", "pause", "resume"),
        {"title": "More", "items": ["preflight", "postpone", "finish", "retry", "cancel"]},
    )
    fields = (
        "name",
        "token",
        ("account", "domain"),
        ("type", "lane"),
        "state",
        ("start_at", "not_after"),
        ("created_at", "ended_at"),
        "tags",
    )

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        allowed = super().get_actions_detail(request, object_id)
        spooler = self._row(request, object_id)
        offered = _offered(spooler) if spooler else frozenset()
        return [action for action in allowed if action.path in offered]

    @action(
        description="Launch",
        permissions=["operate"],
        variant=ActionVariant.PRIMARY,
        dialog=pages.asks(
            "Launch", "Whatever is due leaves at once; what it says cannot be changed any more."
        ),
    )
    def launch(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, object_id, "launch", launches.launch)

    @action(
        description="Pause",
        permissions=["operate"],
        dialog=pages.asks("Pause", "Nothing leaves until it is resumed."),
    )
    def pause(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, object_id, "pause", spoolers.pause)

    @action(
        description="Resume",
        permissions=["operate"],
        dialog=pages.asks("Resume", "Whatever is due leaves at once."),
    )
    def resume(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, object_id, "resume", spoolers.resume)

    @action(
        description="Finish",
        permissions=["operate"],
        dialog=pages.asks("Finish", "It takes no more mail; what waits still leaves."),
    )
    def finish(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, object_id, "finish", spoolers.finish)

    @action(
        description="Cancel",
        permissions=["operate"],
        dialog=pages.asks("Cancel", "Whatever has not left never leaves. This cannot be undone."),
    )
    def cancel(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, object_id, "cancel", spoolers.cancel)

    @action(
        description="Retry",
        permissions=["operate"],
        dialog=pages.asks("Retry", "What failed, was held or is in doubt until now waits again.")
        | {"form_class": RetryForm},
    )
    def retry(self, request: HttpRequest, form: RetryForm, object_id: str) -> HttpResponse:
        spooler = pages.row_or_404(Spooler, object_id)
        states = form.cleaned_data["states"] or moves.RETRIED
        try:
            job = retries.ask(spooler, states=states, now=timezone.now())
        except EarwigError as refused:
            self.message_user(request, refusals.sentence(refused, spooler), messages.ERROR)
            return pages.moved_to(spooler)
        self.note(request, "spooler.retry", spooler)
        return pages.moved_to(job)

    @action(
        description="Postpone its end",
        permissions=["operate"],
        dialog=pages.asks(
            "Postpone", "What still waits after that moment stays; a paused campaign is resumed by hand."
        )
        | {"form_class": PostponeForm},
    )
    def postpone(self, request: HttpRequest, form: PostponeForm, object_id: str) -> HttpResponse:
        def verb(spooler: Spooler, *, now: datetime) -> None:
            staleness.postpone(spooler, not_after=form.cleaned_data["not_after"])

        return self._move(request, object_id, "postpone", verb)

    def _move(
        self, request: HttpRequest, object_id: str, word: str, verb: Callable[..., None]
    ) -> HttpResponse:
        spooler = pages.row_or_404(Spooler, object_id)
        try:
            verb(spooler, now=timezone.now())
        except EarwigError as refused:
            self.message_user(request, refusals.sentence(refused, spooler), messages.ERROR)
        else:
            self.note(request, f"spooler.{word}", spooler)
            self.message_user(request, f"{spooler.name} is {spooler.get_state_display()}.", messages.SUCCESS)
        return pages.moved_to(spooler)


def _offered(spooler: Spooler) -> frozenset[str]:
    buttons = _BUTTONS[spooler.state]
    if spooler.type != SpoolerType.CAMPAIGN:
        return buttons & _STREAM
    return buttons & _ENDED if spooler.ended_at else buttons
