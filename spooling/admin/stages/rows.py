"""What pages of stage-based messaging share: links to rows, bounded counts, choices within one account, deletion."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Model, ProtectedError, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold import widgets
from unfold.forms import BaseDialogForm

from earwig import audit
from earwig.admin import pages
from earwig.models import Account
from spooling import errors
from spooling.models import JobRequest, Schedule
from spooling.stages import schedules

#: Rows that a page counts; a million of them would take it seconds.
MOST_COUNTED = 10_000


class AccountForm(forms.Form):
    """Asks for which account a verb is meant."""

    account = forms.ModelChoiceField(Account.objects.order_by("slug"), widget=widgets.UnfoldAdminSelectWidget)


class AccountDialog(BaseDialogForm, AccountForm):
    """The same over the page."""


class ScheduleChoice(forms.ModelChoiceField):
    """Schedules by what people read."""

    def label_from_instance(self, obj: Model) -> str:
        assert isinstance(obj, Schedule)
        return f"{obj.account.slug}: {schedules.in_words(schedules.times_of(obj))} ({obj})"


class OneAccountForm(forms.ModelForm):
    """Rows that it links to are of the row's own account."""

    #: Fields that link, each with its row's way to the account.
    links: tuple[str, ...] = ()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        account_id = self.known_account()
        for name in self.links:
            field = self.fields.get(name)
            if (
                account_id is not None
                and isinstance(field, forms.ModelChoiceField)
                and field.queryset is not None
            ):
                field.queryset = field.queryset.filter(account=account_id)

    def known_account(self) -> int | None:
        """Whose row it is, as far as that is known before anything is typed."""
        account_id: int | None = self.instance.account_id
        return account_id

    def typed_account(self, cleaned: dict[str, Any]) -> int | None:
        account = cleaned.get("account")
        return self.known_account() if account is None else account.pk

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        account_id = self.typed_account(cleaned)
        for name in self.links:
            row = cleaned.get(name)
            if row is not None and account_id is not None and row.account_id != account_id:
                self.add_error(name, "It belongs to another account.")
        return cleaned


class GuardedAdmin(pages.AuditedAdmin):
    """Rows that are not deleted while others need them: told on the page, without loading a million of those."""

    def users_of(self, obj: Any) -> Iterable[tuple[str, QuerySet[Any]]]:
        """Words and rows for what needs it."""
        raise NotImplementedError

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        rows = list(objs)
        needed = {self.opts.verbose_name} if not self.has_delete_permission(request) else set()
        protected = [f"{words}: {counted(users)}" for row in rows for words, users in self._needed_by(row)]
        counts = {str(self.opts.verbose_name_plural): len(rows)}
        return [str(row) for row in rows], counts, {str(name) for name in needed}, protected

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            answer: HttpResponse = super().delete_view(request, object_id, extra_context)
        except (ProtectedError, errors.InUse):
            # Something began to need it after the page had asked.
            self.message_user(request, "Something else still refers to it.", messages.ERROR)
            return HttpResponseRedirect(reverse(f"admin:{self._name}_change", args=(object_id,)))
        return answer

    @property
    def _name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"

    def _needed_by(self, obj: Any) -> Iterable[tuple[str, QuerySet[Any]]]:
        return ((words, users) for words, users in self.users_of(obj) if users.exists())


def counted(rows: QuerySet[Any]) -> str:
    """How many, as far as it is worth counting."""
    count = rows.order_by()[: MOST_COUNTED + 1].count()
    return f"more than {MOST_COUNTED:,}" if count > MOST_COUNTED else f"{count:,}"


def link(obj: Model | None, text: object = "") -> SafeString | str:
    """To a row's page."""
    if obj is None:
        return "-"
    return format_html('<a class="underline" href="{}">{}</a>', pages.page_of(obj), text or obj)


def moment(at: datetime | None) -> str:
    """A time as people read it; the installation's clock is UTC."""
    return f"{at:%a %d %b %Y, %H:%M} UTC" if at else "-"


def lines(rows: Iterable[tuple[object, object]]) -> SafeString:
    """One below the other, wrapped where a window is narrow; everything escaped."""
    return format_html_join("", '<p class="py-1 break-words"><strong>{}</strong> {}</p>', rows)


def list_link(model: type[Model], text: object, **filters: object) -> SafeString:
    """To a list, filtered."""
    opts = model._meta
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    url = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
    return format_html('<a class="underline" href="{}?{}">{}</a>', url, query, text)


def asks_account(title: str, button: str) -> dict[str, Any]:
    """A dialog that asks for an account."""
    return {"title": title, "description": "", "form_class": AccountDialog, "form_submit_text": button}


def ask_for(
    page: pages.AuditedAdmin,
    request: HttpRequest,
    form: AccountDialog,
    word: str,
    verb: Callable[..., JobRequest],
) -> HttpResponse:
    """Store a job for the account that the dialog names, and go to its page."""
    account, now = form.cleaned_data["account"], timezone.now()
    job = verb(account.pk, now=now)
    audit.record(word, job, now=now, account=account, user=request.user)
    return pages.moved_to(job)
