"""What staff mend for a whole account: doubled and stuck subscriptions, a word before the next audio message."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold import widgets
from unfold.decorators import action

from earwig import audit
from earwig.admin import pages
from earwig.models import Account
from spooling.admin.stages import rows
from spooling.models import Subscription
from spooling.stages import repairs

ACTIONS = ("reset_stuck", "remove_duplicates", "prepend_to_audio")
#: Doubles that the dry run lists.
MOST_LISTED = 100


class DuplicatesForm(rows.AccountForm):
    dry_run = forms.BooleanField(
        required=False,
        initial=True,
        widget=widgets.UnfoldBooleanSwitchWidget,
        help_text="List them, and delete nothing.",
    )


class PrependForm(rows.AccountForm):
    prepend = forms.CharField(
        max_length=500,
        widget=widgets.UnfoldAdminTextInputWidget,
        help_text="The address of a sound.",
    )


class RepairsAdmin(pages.AuditedAdmin):
    """A list with verbs for a whole account."""

    @action(description="Reset stuck", permissions=["operate"])
    def reset_stuck(self, request: HttpRequest) -> HttpResponse:
        context = {
            "title": "Reset stuck subscriptions",
            "button": "Reset",
            "explanation": "What another program left in process (status 1) becomes ready.",
        }
        form = rows.AccountForm(request.POST or None)
        return self.carry_out(request, form, context, lambda form, now: self._reset(request, form, now))

    @action(description="Remove duplicates", permissions=["operate"])
    def remove_duplicates(self, request: HttpRequest) -> HttpResponse:
        form = DuplicatesForm(request.POST or None)
        return self.carry_out(request, form, _DUPLICATES, lambda form, now: self._remove(request, form, now))

    @action(description="Prepend to audio", permissions=["operate"])
    def prepend_to_audio(self, request: HttpRequest) -> HttpResponse:
        context = {
            "title": "Put a sound before the next audio message",
            "button": "Prepend",
            "explanation": "Of every active subscription to an audio set, once.",
        }
        form = PrependForm(request.POST or None)
        return self.carry_out(request, form, context, lambda form, now: self._prepend(request, form, now))

    def _reset(self, request: HttpRequest, form: forms.Form, now: datetime) -> HttpResponse:
        account = form.cleaned_data["account"]
        count = repairs.reset_stuck(account.pk, now=now)
        return self._done(
            request, account, "subscription.reset_stuck", f"{count} subscriptions are ready.", count
        )

    def _remove(self, request: HttpRequest, form: forms.Form, now: datetime) -> HttpResponse:
        account = form.cleaned_data["account"]
        if form.cleaned_data["dry_run"]:
            report = _listed(repairs.duplicates(account.pk))
            context = {"form": form, "media": self.media + form.media, "report": report, **_DUPLICATES}
            return self.answer(request, "form", context)
        count = repairs.remove_duplicates(account.pk)
        return self._done(request, account, "subscription.remove_duplicates", f"{count} are deleted.", count)

    def _prepend(self, request: HttpRequest, form: forms.Form, now: datetime) -> HttpResponse:
        account, prepend = form.cleaned_data["account"], form.cleaned_data["prepend"]
        count = repairs.prepend_to_audio(account.pk, prepend=prepend, now=now)
        return self._done(request, account, "subscription.prepend", f"{count} subscriptions have it.", count)

    def _done(
        self, request: HttpRequest, account: Account, word: str, sentence: str, count: int
    ) -> HttpResponse:
        detail = {"subscriptions": count}
        audit.record(word, account, now=timezone.now(), account=account, user=request.user, detail=detail)
        self.message_user(request, sentence, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:spooling_subscription_changelist"))


def note_all(request: HttpRequest, word: str, done: Sequence[Subscription]) -> None:
    """One entry for each account whose subscriptions were moved: ids and counts only."""
    for account_id in sorted({row.account_id for row in done}):
        own = [row for row in done if row.account_id == account_id]
        detail = {"subscriptions": len(own), "ids": [row.pk for row in own]}
        audit.record(
            word, own[0], now=timezone.now(), account=own[0].account, user=request.user, detail=detail
        )


def _listed(ids: Sequence[int]) -> SafeString:
    kept = Subscription.objects.filter(pk__in=ids[:MOST_LISTED]).select_related("messageset").order_by("pk")
    lines: list[tuple[Any, Any]] = [
        (rows.link(row), f"{row.identity}, {row.messageset}, {rows.moment(row.created_at)}") for row in kept
    ]
    if len(ids) > len(lines):
        lines.append(("…", f"{len(ids) - len(lines)} more"))
    sentence = f"{len(ids)} would be deleted, with their failures and resends."
    return format_html('<p class="font-semibold mb-2">{}</p>{}', sentence, rows.lines(lines))


_DUPLICATES = {
    "title": "Remove duplicates",
    "button": "Go on",
    "explanation": "Subscriptions made within 60 s after an otherwise equal one. The oldest of each is kept.",
}
