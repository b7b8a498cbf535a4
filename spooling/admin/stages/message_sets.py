"""Message sets: their messages as a grid, what follows what, copies, and CSV in and out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold import widgets
from unfold.decorators import action

from earwig import errors
from earwig.admin import pages
from spooling.admin.stages import grids, rows, set_imports
from spooling.models import MessageSet, Schedule, Subscription
from spooling.stages import message_sets, schedules, set_exports, wordings


class MessageSetForm(rows.OneAccountForm):
    links = ("default_schedule", "next_set")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        account_id, address = self.typed_account(cleaned), cleaned.get("from_address")
        if account_id is not None and address:
            try:
                wordings.author_of(account_id, address)
            except (errors.DomainNotAllowed, errors.InvalidAddress) as refused:
                self.add_error("from_address", forms.ValidationError(refused.message, code=refused.code))
        return cleaned


class CloneForm(forms.Form):
    short_name = forms.CharField(max_length=100, widget=widgets.UnfoldAdminTextInputWidget)


@admin.register(MessageSet)
class MessageSetAdmin(set_imports.ImportingAdmin, rows.GuardedAdmin):
    form = MessageSetForm
    change_form_outer_before_template = "spooling/admin/grid.html"
    list_display = (
        "short_name",
        "account",
        "label",
        "content_type",
        "messages_in_it",
        "schedule",
        "next_set",
        "channel",
    )
    list_filter = ("content_type", "account")
    list_select_related = ("account", "default_schedule", "next_set")
    search_fields = ("short_name", "label")
    ordering = ("-id",)
    show_full_result_count = False
    actions = ("download_selected",)
    actions_list = ("upload",)
    actions_detail = ("clone", "download")
    readonly_fields = ("chain", "used_by", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": (("account", "short_name"), ("label", "content_type"))}),
        ("Sending", {"fields": ("default_schedule", ("channel", "from_address"), "next_set")}),
        (None, {"fields": ("notes",)}),
    )
    shown = ("Around it", {"fields": ("chain", "used_by", ("created_at", "updated_at"))})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.fieldsets, self.shown) if obj else self.fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.readonly_fields, "account") if obj else self.readonly_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[MessageSet]:
        found: QuerySet[MessageSet] = super().get_queryset(request)
        return found.annotate(count=Count("messages"))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "default_schedule":
            found = Schedule.objects.select_related("account").order_by("account__slug", "id")
            options |= {"form_class": rows.ScheduleChoice, "queryset": found}
        return super().formfield_for_foreignkey(db_field, request, **options)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        context = {**(extra_context or {}), "grid": grids.of_set(row) if row else None}
        answer: HttpResponse = super().change_view(request, object_id, form_url, context)
        return answer

    def users_of(self, obj: MessageSet) -> Iterable[tuple[str, QuerySet[Any]]]:
        yield "Subscriptions", Subscription.objects.filter(messageset=obj)

    def delete_model(self, request: HttpRequest, obj: MessageSet) -> None:
        message_sets.remove(obj)

    @admin.display(description="Messages", ordering="count")
    def messages_in_it(self, row: MessageSet) -> int:
        count: int = row.count  # type: ignore[attr-defined]  # annotated
        return count

    @admin.display(description="Default schedule")
    def schedule(self, row: MessageSet) -> str:
        return schedules.in_words(schedules.times_of(row.default_schedule))

    @admin.display(description="What follows what")
    def chain(self, row: MessageSet) -> SafeString:
        followers, again = _followers(row)
        before = [(rows.link(each),) for each in row.previous_sets.exclude(pk=row.pk).order_by("id")[:20]]
        names = [(rows.link(each),) for each in followers]
        shown = format_html_join(" → ", "{}", names)
        if before:
            shown = format_html_join(" or ", "{}", before) + SafeString(" → ") + shown
        return shown + (
            SafeString(f" → and from the {again} again, without end") if again else SafeString("")
        )

    @admin.display(description="Subscriptions")
    def used_by(self, row: MessageSet) -> SafeString:
        ready = Subscription.objects.filter(messageset=row).ready()
        return rows.list_link(Subscription, f"{rows.counted(ready)} ready", messageset__id__exact=row.pk)

    @action(description="Clone", permissions=["operate"])
    def clone(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = pages.row_or_404(MessageSet, object_id)
        context = {
            "title": f"Clone {row}",
            "button": "Clone",
            "explanation": "A set with the same properties and messages under a new name. Files are shared.",
        }
        form = CloneForm(request.POST or None, initial={"short_name": f"{row.short_name}-copy"[:100]})
        return self.carry_out(
            request,
            form,
            context,
            lambda form, now: self._clone(request, row, form.cleaned_data["short_name"], now),
        )

    @action(description="Download CSV", permissions=["view"])
    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return _csv(MessageSet.objects.filter(pk=pages.row_or_404(MessageSet, object_id).pk))

    @action(description="Download CSV", permissions=["view"])
    def download_selected(self, request: HttpRequest, chosen: QuerySet[MessageSet]) -> HttpResponse:
        return _csv(MessageSet.objects.filter(pk__in=list(chosen.values_list("pk", flat=True))))

    def _clone(self, request: HttpRequest, row: MessageSet, short_name: str, now: datetime) -> HttpResponse:
        copy = message_sets.clone(row, short_name=short_name, now=now)
        self.note(request, "message_set.clone", copy)
        return HttpResponseRedirect(pages.page_of(copy))


def _followers(row: MessageSet) -> tuple[list[MessageSet], str]:
    """The set and those after it, and the name of the one where it begins again; one question for the account."""
    of_account = {each.pk: each for each in MessageSet.objects.filter(account=row.account_id).order_by("id")}
    chain: list[MessageSet] = []
    following: MessageSet | None = of_account[row.pk]
    while following is not None and following not in chain:
        chain.append(following)
        following = of_account.get(following.next_set_id) if following.next_set_id else None
    return chain, following.short_name if following else ""


def _csv(chosen: QuerySet[MessageSet]) -> HttpResponse:
    """With a byte order mark, without which spreadsheets take UTF-8 for something else."""
    answer = HttpResponse(
        "\ufeff" + "".join(set_exports.to_csv(chosen)), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = f"attachment; filename=message-sets-{timezone.now():%Y%m%d-%H%M%S}.csv"
    return answer
