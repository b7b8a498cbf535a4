"""The outbox as staff see it: what went out, what did not, and why; with the two moves people may make."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.paginator import InfinitePaginator

from earwig import audit
from spooling import errors
from spooling.admin import message_pages
from spooling.admin.read_only import table
from spooling.delivery import letters
from spooling.models import Mail
from spooling.outbox import moves
from stats import events

FIELDS = (
    ("state", "tries"),
    ("email", "name"),
    ("sender", "subject"),
    "public_id",
    ("account", "wire"),
    ("spooler", "lane"),
    ("router", "provider"),
    ("last_code", "last_reply"),
    ("created_at", "due_at"),
    ("not_after", "give_up_at"),
    ("ended_at", "erased_at"),
    ("bounced_at", "bounce_class"),
    "happenings",
)


@admin.register(Mail)
class MailAdmin(message_pages.MessageAdmin):
    # Counting ten million rows for the number of pages takes seconds; the ledger has the counts.
    paginator = InfinitePaginator
    list_display = ("id", "account", "email", "state", "spooler", "tries", "last_code", "due_at", "ended_at")
    list_filter = ("state", "lane", "account")
    list_select_related = ("account", "spooler")
    list_disable_select_all = False
    ordering = ("-id",)
    search_fields = ("email",)
    search_help_text = "An address, as it was handed over."
    actions = ("retry", "cancel")
    fieldsets = (
        (None, {"fields": FIELDS}),
        *message_pages.TABS,
    )

    def raw_of(self, row: Mail) -> bytes:
        return letters.shown(row)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Mail], search_term: str
    ) -> tuple[QuerySet[Mail], bool]:
        mails = Mail.objects.to_addresses([search_term.strip()]).values("pk")
        return (queryset.filter(pk__in=mails) if search_term.strip() else queryset), False

    @admin.display(description="From")
    def sender(self, mail: Mail) -> str:
        return str(mail.content.from_email)

    @admin.display(description="Subject, before its variables")
    def subject(self, mail: Mail) -> str:
        return str(mail.content.subject)

    @admin.display(description="Came by")
    def wire(self, mail: Mail) -> str:
        return str(mail.submission.wire)

    @admin.display(description="Events")
    def happenings(self, mail: Mail) -> SafeString:
        return table(
            (event.at, f"{event.kind} {event.router} {event.detail}") for event in events.of_mail(mail.pk)
        )

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
