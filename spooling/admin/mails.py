"""The outbox as staff see it: what went out, what did not, and why; with the moves people may make."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import action
from unfold.forms import BaseDialogForm
from unfold.paginator import InfinitePaginator

from earwig import audit
from earwig.admin import pages
from earwig.errors import EarwigError
from spooling import errors, repeats
from spooling.admin import mail_search, mail_stories, message_pages
from spooling.delivery import letters
from spooling.models import Mail
from spooling.models.mails import MailState
from spooling.outbox import moves

FIELDS = (
    ("state", "tries"),
    ("email", "name"),
    ("sender", "subject"),
    ("spooler", "lane"),
    ("router", "provider"),
    ("last_code", "last_reply"),
    ("created_at", "due_at"),
    ("not_after", "give_up_at"),
    ("ended_at", "erased_at"),
    ("bounced_at", "bounce_class"),
)
#: What staff make themselves came by this.
WIRE = "admin"
#: The buttons of each state, as it is shown. Their addresses exist in all: who comes too late is told so.
_BUTTONS: dict[str, frozenset[str]] = {
    MailState.WAITING: frozenset({"withdraw"}),
    **{state: frozenset({"put_back", "repeat"}) for state in moves.RETRIED},
    MailState.SENDING: frozenset(),
}
_ENDED = frozenset({"repeat"})


@admin.register(Mail)
class MailAdmin(message_pages.MessageAdmin):
    # Counting ten million rows for the number of pages takes seconds; the ledger has the counts.
    paginator = InfinitePaginator
    list_display = ("id", "account", "email", "state", "spooler", "tries", "last_code", "due_at", "ended_at")
    list_filter = (mail_search.StateFilter, mail_search.LaneFilter, "account")
    list_select_related = ("account", "spooler")
    list_disable_select_all = False
    ordering = ("-id",)
    # No index has the others in order.
    sortable_by = ("id",)
    search_fields = ("email",)
    search_help_text = mail_search.HELP
    actions = ("retry", "cancel")
    actions_detail = ("withdraw", "put_back", "repeat")
    change_form_outer_before_template = "spooling/mail.html"
    fieldsets = (
        (None, {"fields": FIELDS}),
        *message_pages.TABS,
    )

    class Media:
        css = {"all": ("spooling/campaign.css", "spooling/mail.css")}

    def raw_of(self, row: Mail) -> bytes:
        return letters.shown(row)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Mail], search_term: str
    ) -> tuple[QuerySet[Mail], bool]:
        text = search_term.strip()
        return (queryset & mail_search.found(text) if text else queryset), False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """A campaign's page links to its mails; a filter of all campaigns would list them all."""
        return lookup == "spooler" or bool(super().lookup_allowed(lookup, value, request))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        mail = self._seen(request, object_id)
        told = {"story": mail_stories.of(mail, now=timezone.now())} if mail else {}
        answer: HttpResponse = super().change_view(request, object_id, form_url, told | (extra_context or {}))
        return answer

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        allowed = super().get_actions_detail(request, object_id)
        mail = self._seen(request, object_id)
        offered = _BUTTONS.get(mail.shown_state(mail.spooler.state), _ENDED) if mail else frozenset()
        return [action for action in allowed if action.path in offered]

    @admin.display(description="From")
    def sender(self, mail: Mail) -> str:
        return str(mail.content.from_email)

    @admin.display(description="Subject, before its variables")
    def subject(self, mail: Mail) -> str:
        return str(mail.content.subject)

    @action(
        description="Cancel",
        permissions=["operate"],
        dialog=pages.asks("Cancel the mail", "It never leaves. This cannot be undone."),
    )
    def withdraw(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        mail = pages.row_or_404(Mail, object_id)
        try:
            with transaction.atomic():
                moves.cancel(mail, now=timezone.now())
                self.note(request, "mail.cancel", mail)
        except EarwigError as refused:
            self.message_user(request, refused.message, messages.ERROR)
        return pages.moved_to(mail)

    @action(
        description="Try again",
        permissions=["operate"],
        dialog=pages.asks(
            "Try again", "It waits anew, with all its tries. A mail in doubt may arrive twice."
        ),
    )
    def put_back(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        mail = pages.row_or_404(Mail, object_id)
        with transaction.atomic():
            moved = moves.retry(Mail.objects.filter(pk=mail.pk), why="staff", now=timezone.now())
            if moved:
                self.note(request, "mail.retry", mail)
        if not moved:
            self.message_user(request, "It cannot be tried again as it is now.", messages.ERROR)
        return pages.moved_to(mail)

    @action(
        description="Send once more",
        permissions=["operate"],
        dialog=pages.asks("Send once more", "A new mail that says the same goes to the same address."),
    )
    def repeat(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        mail = pages.row_or_404(Mail.objects.select_related("content", "submission"), object_id)
        try:
            with transaction.atomic():
                new = repeats.once_more(mail, wire=WIRE, now=timezone.now())
                self.note(request, "mail.repeat", mail)
        except EarwigError as refused:
            self.message_user(request, refused.message, messages.ERROR)
            return pages.moved_to(mail)
        self.message_user(request, "This is the new mail.", messages.SUCCESS)
        return pages.moved_to(Mail(pk=new.id))

    @action(description="Retry these", permissions=["operate"])
    def retry(self, request: HttpRequest, mails: QuerySet[Mail]) -> None:
        now = timezone.now()
        chosen = list(mails.values_list("id", "account"))
        count = moves.retry(mails, why="staff", now=now)
        self._record(request, "retry", [mail_id for mail_id, _ in chosen])
        self.message_user(request, f"{count} of {len(chosen)} mails wait again.", messages.SUCCESS)

    @action(description="Cancel these", permissions=["operate"])
    def cancel(self, request: HttpRequest, mails: QuerySet[Mail]) -> None:
        now, left, cancelled = timezone.now(), 0, []
        for mail in mails.iterator():
            try:
                moves.cancel(mail, now=now)
                cancelled.append(mail.pk)
            except errors.MailHasLeft:
                left += 1
        self._record(request, "cancel", cancelled)
        self.message_user(request, f"{len(cancelled)} mails cancelled, {left} had left.", messages.SUCCESS)

    def _record(self, request: HttpRequest, verb: str, mail_ids: list[int]) -> None:
        for mail in Mail.objects.filter(pk__in=mail_ids[:1]).select_related("account"):
            detail = {"mails": len(mail_ids), "first": min(mail_ids), "last": max(mail_ids)}
            audit.record(
                f"mail.{verb}",
                mail,
                now=timezone.now(),
                account=mail.account,
                user=request.user,
                detail=detail,
            )

    def _seen(self, request: HttpRequest, object_id: str) -> Mail | None:
        """None where the admin itself refuses. Loaded once, though two ask."""
        kept: dict[str, Mail | None] = request.__dict__.setdefault("mails_seen", {})
        if object_id not in kept:
            allowed = self.has_view_permission(request)
            kept[object_id] = self.get_object(request, object_id) if allowed else None
        return kept[object_id]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mail]:
        mails: QuerySet[Mail] = super().get_queryset(request)
        return mails.select_related("account", "spooler")
