"""Subscriptions: how far each is, where it should be, what happened to it, and the moves that staff may make."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.forms import BaseDialogForm
from unfold.paginator import InfinitePaginator

from earwig.admin import pages
from earwig.errors import EarwigError
from earwig.models import Account
from spooling.admin.read_only import ReadOnlyAdmin, table
from spooling.admin.stages import repairs, rows
from spooling.models import JobRequest, Mail, Resend, Subscription
from spooling.models.subscriptions import ProcessStatus
from spooling.stages import positions, recipients, requests, sends, subscriptions

#: Rows of each part of the history.
MOST_SHOWN = 20

Ask = Callable[..., JobRequest]
Move = Callable[..., object]


class StatusFilter(admin.SimpleListFilter):
    """By what the status means; the numbers that other programs write are one choice."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(status.value), status.label) for status in ProcessStatus] + [("other", "Other")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "other":
            return queryset.exclude(process_status__in=ProcessStatus.values)
        known = {str(status.value) for status in ProcessStatus}
        return queryset.filter(process_status=self.value()) if self.value() in known else queryset


@admin.register(Subscription)
class SubscriptionAdmin(repairs.RepairsAdmin, ReadOnlyAdmin):
    # Counting a million rows for the number of pages takes too long.
    paginator = InfinitePaginator
    list_display = (
        "public_id",
        "identity",
        "account",
        "messageset",
        "next_sequence_number",
        "lang",
        "active",
        "completed",
        "status",
        "created_at",
        "updated_at",
    )
    list_filter = ("active", "completed", StatusFilter, "account", "messageset")
    list_select_related = ("account", "messageset")
    ordering = ("-id",)
    search_fields = ("public_id", "identity")
    search_help_text = "An id, or a whole identity."
    actions = ("send_selected", "forward_selected", "deactivate_selected", "restore_selected")
    actions_list = repairs.ACTIONS
    actions_detail = ("send", "resend", "forward", "restore", "deactivate")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("public_id", "account"),
                    ("identity", "lang"),
                    ("messageset", "schedule"),
                    ("active", "completed", "status"),
                    ("created_at", "updated_at"),
                    ("version", "metadata"),
                )
            },
        ),
        (
            "Position",
            {"fields": (("initial_sequence_number", "next_sequence_number"), "position", "next_run")},
        ),
        ("History", {"fields": ("failures", "resends", "address", "mails")}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Subscription], search_term: str
    ) -> tuple[QuerySet[Subscription], bool]:
        """By whole values only, and within each account, so that an index answers."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(identity=term, account__in=list(Account.objects.values_list("pk", flat=True)))
        public_id = _uuid(term)
        return queryset.filter(found | Q(public_id=public_id) if public_id else found), False

    @admin.display(description="Status", ordering="process_status")
    def status(self, row: Subscription) -> str:
        return status_of(row)

    @admin.display(description="Where its schedule should have brought it")
    def position(self, row: Subscription) -> SafeString:
        now = timezone.now()
        expected, missed = positions.expected(row, until=now), positions.behind(row, until=now)
        number = f"{expected.number}, and through" if expected.complete else str(expected.number)
        return table((("Number", number), ("Messages behind", missed.messages)))

    @admin.display(description="Next run")
    def next_run(self, row: Subscription) -> str:
        if not row.is_ready:
            return "None: it is not ready."
        return rows.moment(row.schedule.next_run_at) if row.schedule.next_run_at else "Never."

    @admin.display(description="Failures")
    def failures(self, row: Subscription) -> str | SafeString:
        kept = list(row.failures.order_by("-id")[:MOST_SHOWN])
        return rows.lines((rows.moment(each.initiated_at), each.reason) for each in kept) if kept else "None."

    @admin.display(description="Sent again")
    def resends(self, row: Subscription) -> str | SafeString:
        kept = list(row.resends.select_related("message").order_by("-id")[:MOST_SHOWN])
        mails = _mails_of(kept)
        return (
            rows.lines((rows.moment(each.created_at), _resent(each, mails)) for each in kept)
            if kept
            else "None."
        )

    @admin.display(description="Goes to")
    def address(self, row: Subscription) -> str | SafeString:
        email = _address_of(row)
        return rows.list_link(Mail, email, q=email) if email else "No usable address is known here."

    @admin.display(description="Its account's stage mails to this address")
    def mails(self, row: Subscription) -> str | SafeString:
        email = _address_of(row)
        found = Mail.objects.to_addresses([email] if email else [])
        found = found.filter(account=row.account_id, submission__wire=sends.WIRE).select_related("content")
        kept = list(found.order_by("-id")[:MOST_SHOWN])
        told = (
            (rows.moment(mail.created_at), rows.link(mail, f"{mail.state}: {mail.content.subject}"))
            for mail in kept
        )
        return rows.lines(told) if kept else "None."

    @action(
        description="Send now",
        permissions=["operate"],
        dialog=pages.asks("Send now", "The message that is next goes out, whatever the schedule says."),
    )
    def send(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._ask(request, object_id, "send", requests.ask_send)

    @action(
        description="Resend",
        permissions=["operate"],
        dialog=pages.asks("Resend", "The last message goes out once more; the position stays."),
    )
    def resend(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._ask(request, object_id, "resend", requests.ask_resend)

    @action(
        description="Fast-forward",
        permissions=["operate"],
        dialog=pages.asks(
            "Fast-forward", "It moves to where its schedule should have brought it. Nothing is sent."
        ),
    )
    def forward(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, object_id, "fast_forward", fast_forward)

    @action(
        description="Make ready",
        permissions=["operate"],
        dialog=pages.asks("Make ready", "It gets its next message with the next run."),
    )
    def restore(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, object_id, "restore", subscriptions.restore)

    @action(
        description="Deactivate",
        permissions=["operate"],
        dialog=pages.asks("Deactivate", "Nothing more is sent to it until it is made ready."),
    )
    def deactivate(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, object_id, "deactivate", subscriptions.deactivate)

    @action(description="Send now", permissions=["operate"])
    def send_selected(self, request: HttpRequest, chosen: QuerySet[Subscription]) -> None:
        carry_out(self, request, chosen, "send", requests.ask_send)

    @action(description="Fast-forward", permissions=["operate"])
    def forward_selected(self, request: HttpRequest, chosen: QuerySet[Subscription]) -> None:
        carry_out(self, request, chosen, "fast_forward", fast_forward)

    @action(description="Deactivate", permissions=["operate"])
    def deactivate_selected(self, request: HttpRequest, chosen: QuerySet[Subscription]) -> None:
        carry_out(self, request, chosen, "deactivate", subscriptions.deactivate)

    @action(description="Make ready", permissions=["operate"])
    def restore_selected(self, request: HttpRequest, chosen: QuerySet[Subscription]) -> None:
        carry_out(self, request, chosen, "restore", subscriptions.restore)

    def _ask(self, request: HttpRequest, object_id: str, word: str, verb: Ask) -> HttpResponse:
        row = pages.row_or_404(Subscription, object_id)
        job = verb(row, now=timezone.now())
        self.note(request, f"subscription.{word}", row)
        return pages.moved_to(job)

    def _move(self, request: HttpRequest, object_id: str, word: str, verb: Move) -> HttpResponse:
        row = pages.row_or_404(Subscription, object_id)
        try:
            verb(row, now=timezone.now())
        except EarwigError as refused:
            self.message_user(request, refused.message, messages.ERROR)
        else:
            self.note(request, f"subscription.{word}", row)
            self.message_user(request, "Done.", messages.SUCCESS)
        return pages.moved_to(row)


def fast_forward(row: Subscription, *, now: datetime) -> None:
    """To where it should be at this moment."""
    positions.fast_forward(row, until=now, now=now)


def carry_out(
    page: pages.AuditedAdmin, request: HttpRequest, chosen: Iterable[Subscription], word: str, verb: Move
) -> None:
    """One verb on each subscription; what it refuses is counted."""
    done: list[Subscription] = []
    refused = 0
    now = timezone.now()
    for row in chosen:
        try:
            verb(row, now=now)
        except EarwigError:
            refused += 1
        else:
            done.append(row)
    repairs.note_all(request, f"subscription.{word}", done)
    level = messages.WARNING if refused else messages.SUCCESS
    page.message_user(request, f"{len(done)} subscriptions: done. {refused} refused.", level)


def status_of(row: Subscription) -> str:
    """In a word, and the number that the wire has."""
    known = {status.value: status.label for status in ProcessStatus}
    return f"{known.get(row.process_status, 'Other')} ({row.process_status})"


def _uuid(term: str) -> UUID | None:
    try:
        return UUID(term)
    except ValueError:
        return None


def _address_of(row: Subscription) -> str:
    """Asked once for each loaded row, though two fields want it."""
    if "address" not in row.__dict__:
        found = recipients.find(row.account_id, [row], domains={}, answers={}, now=timezone.now())
        known = found.recipients.get(row.pk)
        row.__dict__["address"] = known.email if known else ""
    email: str = row.__dict__["address"]
    return email


def _mails_of(kept: Iterable[Resend]) -> dict[str, Mail]:
    ids = [public_id for each in kept if (public_id := _uuid(each.outbound_id))]
    return {mail.public_id.hex: mail for mail in Mail.objects.filter(public_id__in=ids)}


def _resent(each: Resend, mails: dict[str, Mail]) -> SafeString:
    message = (
        f"{each.message.sequence_number} {each.message.lang}" if each.message else "a message that is gone"
    )
    mail = mails.get(each.outbound_id)
    return format_html("{} {}", message, rows.link(mail, mail.state) if mail else each.outbound_id)
