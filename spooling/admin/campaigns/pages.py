"""The pages of one spooler beside its row: what changes while people look at it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.forms import BaseDialogForm

from earwig.admin import pages
from earwig.errors import EarwigError
from earwig.web import customer_content
from spooling.admin.campaigns import boards, previews, refusals
from spooling.admin.campaigns.forms import AddressForm, DraftForm, PreviewForm
from spooling.admin.read_only import ReadOnlyAdmin
from spooling.campaigns import drafts, explanations, preflights, scores
from spooling.campaigns.filling import Entry
from spooling.errors import FieldsRefused
from spooling.models import Spooler
from spooling.outbox.drafts import Accepted

LIVE = "spooling/campaign_live.html"
#: Names, in the page's query, the job that looked ahead.
LOOK = "look"


class CampaignPages(ReadOnlyAdmin):
    """A spooler's page with its board above the row."""

    change_form_outer_before_template = "spooling/campaign.html"

    class Media:
        css = {"all": ("spooling/campaign.css",)}
        js = ("spooling/campaign.js",)

    def get_urls(self) -> list[URLPattern]:
        views = (("progress", self.progress), ("frame", self.show_frame))
        own = [
            path(f"<int:pk>/{what}/", self.admin_site.admin_view(view), name=self._name(what))
            for what, view in views
        ]
        return [*own, *super().get_urls()]

    def has_name_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether recipients' addresses may be shown: the right that their mails' pages ask for."""
        return request.user.has_perm("spooling.view_mail") or request.user.has_perm("spooling.change_mail")

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        spooler = self._row(request, object_id)
        context = self._board(request, spooler) if spooler else {}
        answer: HttpResponse = super().change_view(
            request, object_id, form_url, context | (extra_context or {})
        )
        return answer

    def _board(self, request: HttpRequest, spooler: Spooler) -> dict[str, Any]:
        job_id = request.GET.get(LOOK, "")
        query = f"?{urlencode({LOOK: job_id})}" if job_id else ""
        return {
            "board": self._news(request, spooler),
            "is_over": boards.is_over(spooler),
            "progress_href": reverse("admin:" + self._name("progress"), args=(spooler.pk,)) + query,
        }

    def _news(self, request: HttpRequest, spooler: Spooler) -> dict[str, Any]:
        return boards.of(
            spooler,
            may_name=self.has_name_permission(request),
            job_id=request.GET.get(LOOK, ""),
            now=timezone.now(),
        )

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the page asks every other second, until the spooler has ended or nobody looks."""
        spooler = self._seen(request, pk)
        board = self._news(request, spooler)
        answer = JsonResponse(boards.answer_of(board, render_to_string(LIVE, {"board": board})))
        answer["Cache-Control"] = "private, no-store"
        return answer

    @action(description="Preview", permissions=["view"])
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        spooler = self._seen(request, object_id)
        may_name = self.has_name_permission(request)
        form = PreviewForm(request.POST or None, spooler=spooler, may_name=may_name)
        wanted = previews.asked(request, spooler, may_name=may_name)
        if request.method == "POST" and form.is_valid():
            chosen = replace(wanted, mail=form.mail, variables=form.cleaned_data["variables"])
            return HttpResponseRedirect(f"{request.path}?{chosen.query()}")
        if request.method != "POST":
            form.initial = _typed(wanted)
        return self._page(request, "preview", spooler, self._preview_of(spooler, form, wanted))

    def show_frame(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The preview's HTML, which is a customer's and goes into a frame alone."""
        spooler = self._seen(request, pk)
        wanted = previews.asked(request, spooler, may_name=self.has_name_permission(request))
        try:
            shown = previews.shown(spooler, wanted, now=timezone.now())
        except EarwigError:
            # The page around it says why.
            raise Http404 from None
        return customer_content.page(shown.message.html_with_images(), remote_images=wanted.images)

    @action(description="Test send", permissions=["operate"])
    def send_draft(self, request: HttpRequest, object_id: str) -> HttpResponse:
        spooler = self._seen(request, object_id)
        form = DraftForm(request.POST or None)
        context = {
            "title": f"Send a test of {spooler}",
            "button": "Send",
            "explanation": "The mail as it is now, at once. Tests stand in no figure.",
        }
        return self.carry_out(
            request, form, context, lambda form, now: self._draft(request, spooler, form.cleaned_data, now)
        )

    @action(description="Why not?", permissions=["view", "name"])
    def why(self, request: HttpRequest, object_id: str) -> HttpResponse:
        spooler = self._seen(request, object_id)
        form = AddressForm(request.POST or None)
        context = {"title": f"Why did an address get nothing of {spooler}?", "form": form}
        if request.method == "POST" and form.is_valid():
            answer = explanations.of_address(spooler, form.cleaned_data["address"], now=timezone.now())
            context |= {"explanation": answer, "mail_href": answer.mail and pages.page_of(answer.mail)}
        return self._page(request, "why", spooler, context)

    @action(
        description="Look ahead",
        permissions=["operate"],
        dialog=pages.asks("Look ahead", "Tells what would become of every mail. Nothing is sent."),
    )
    def preflight(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        spooler = self._seen(request, object_id)
        try:
            job = preflights.ask(spooler, now=timezone.now())
        except EarwigError as refused:
            self.message_user(request, refusals.sentence(refused, spooler), messages.ERROR)
            return pages.moved_to(spooler)
        self.note(request, "spooler.preflight", spooler)
        return HttpResponse(headers={"HX-Redirect": f"{pages.page_of(spooler)}?{LOOK}={job.pk}"})

    def _draft(
        self, request: HttpRequest, spooler: Spooler, wanted: dict[str, Any], now: datetime
    ) -> HttpResponse:
        entries = [Entry(address, variables=wanted["variables"]) for address in wanted["addresses"]]
        try:
            queued = drafts.send(spooler, entries, api_key_id=None, now=now, wire="admin")
        except FieldsRefused as refused:
            raise type(refused)(refusals.sentence(refused, spooler)) from None
        self.note(request, "spooler.draft", spooler)
        self.message_user(request, _told(queued), messages.SUCCESS)
        return HttpResponseRedirect(pages.page_of(spooler))

    def _preview_of(self, spooler: Spooler, form: PreviewForm, wanted: previews.Asked) -> dict[str, Any]:
        context = {
            "title": f"Preview of {spooler}",
            "form": form,
            "asked": wanted,
            "widths": previews.WIDTHS,
            "frame": f"{reverse('admin:' + self._name('frame'), args=(spooler.pk,))}?{wanted.query()}",
            "other_query": wanted.query(images=not wanted.images),
        }
        try:
            shown = previews.shown(spooler, wanted, now=timezone.now())
            return context | {"shown": shown, "score": scores.of_spooler(spooler)}
        except EarwigError as refused:
            return context | {"refusal": refusals.sentence(refused, spooler)}

    def _page(
        self, request: HttpRequest, name: str, spooler: Spooler, context: dict[str, Any]
    ) -> HttpResponse:
        form: forms.Form = context["form"]
        frame = self.admin_site.each_context(request) | {"opts": self.opts, "original": spooler}
        media = {"media": self.media + form.media}
        return TemplateResponse(request, f"spooling/campaign_{name}.html", frame | media | context)

    def _seen(self, request: HttpRequest, pk: int | str) -> Spooler:
        """Staff without the right to see it get the same answer as for a row that is not there."""
        if not self.has_view_permission(request):
            raise Http404
        return pages.row_or_404(Spooler.objects.select_related("account", "domain"), pk)

    def _row(self, request: HttpRequest, object_id: str) -> Spooler | None:
        """None where the admin itself refuses."""
        row: Spooler | None = (
            self.get_object(request, object_id) if self.has_view_permission(request) else None
        )
        return row

    def _name(self, what: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{what}"


def _typed(wanted: previews.Asked) -> dict[str, Any]:
    return {
        "address": wanted.mail.email if wanted.mail else "",
        "variables": json.dumps(wanted.variables, ensure_ascii=False) if wanted.variables else "",
    }


def _told(queued: list[Accepted]) -> SafeString:
    """By number: what a message says is kept in a cookie until it is shown."""
    mails = ((reverse("admin:spooling_mail_change", args=(mail.id,)), mail.id, mail.state) for mail in queued)
    links = format_html_join(", ", '<a class="underline" href="{}">mail {}</a> ({})', mails)
    return format_html("Queued: {}. Tests stand in no figure.", links)
