"""Kinds of pages: audited ones, read-only ones, and forms that carry out one verb."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar, cast

from django import forms
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin

from earwig import audit, errors
from earwig.models import Account

Perform = Callable[[forms.Form, datetime], HttpResponse]
Row = TypeVar("Row", bound=models.Model)


class AuditedAdmin(ModelAdmin):
    """Writes each act to the audit trail. Its history names a row by model and id: a name may be an address.

    An action that calls a verb asks for `operate`: Django's right to change the model, whatever the page offers.
    """

    def account_of(self, obj: Any) -> Account | None:
        """Whose row it is."""
        account: Account = obj.account
        return account

    def has_operate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        return self._log(request, [obj], ADDITION, message)[0]

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        return self._log(request, [obj], CHANGE, message)[0]

    def log_deletions(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> list[LogEntry]:
        return self._log(request, queryset, DELETION, [])

    def note(self, request: HttpRequest, action: str, obj: Any) -> None:
        """Append a verb that was carried out on a row to the trail and to the row's history."""
        self._log(request, [obj], CHANGE, action)

    def carry_out(
        self, request: HttpRequest, form: forms.Form, context: dict[str, Any], perform: Perform
    ) -> HttpResponse:
        """A page of one form: shown, checked, then one verb and its answer.

        What the verb refuses stands above the form.
        """
        if request.method == "POST" and form.is_valid():
            try:
                return perform(form, timezone.now())
            except errors.EarwigError as refused:
                form.add_error(None, refused.message)
        return self.answer(request, "form", {"form": form, "media": self.media + form.media, **context})

    def answer(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        """One of our own pages in the admin's frame, which no cache keeps."""
        frame = self.admin_site.each_context(request) | {"opts": self.opts}
        return TemplateResponse(request, f"earwig/admin/{template}.html", frame | context)

    def _log(self, request: HttpRequest, rows: Iterable[Any], flag: int, message: Any) -> list[LogEntry]:
        now = timezone.now()
        entries = []
        for row in rows:
            # A deleted account is no longer there to be pointed to.
            account = None if flag == DELETION and isinstance(row, Account) else self.account_of(row)
            action = message if isinstance(message, str) else _WORDS[flag]
            detail = {} if isinstance(message, str) else {"changes": message}
            audit.record(action, row, now=now, account=account, user=request.user, detail=detail)
            entries.append(_history_entry(request, row, flag, message))
        return LogEntry.objects.bulk_create(entries)


class ReadOnlyAdmin(AuditedAdmin):
    """Shows what only verbs may change."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def row_or_404(rows: type[Row] | models.QuerySet[Row], pk: int | str) -> Row:
    """The row that an address names. Raises Http404, also where that is no number."""
    try:
        return get_object_or_404(rows, pk=pk)
    except ValueError:
        raise Http404 from None


def page_of(obj: models.Model) -> str:
    """The path of a row's page."""
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=(obj.pk,))


def moved_to(obj: models.Model) -> HttpResponse:
    """What a dialog answers when it is done: the row's page opens anew."""
    return HttpResponse(headers={"HX-Redirect": page_of(obj)})


def asks(title: str, description: str) -> dict[str, Any]:
    """A dialog, so that only a POST with the session's token acts."""
    return {"title": title, "description": description, "form_class": None, "form_submit_text": title}


def _history_entry(request: HttpRequest, row: Any, flag: int, message: Any) -> LogEntry:
    return LogEntry(
        # Nobody anonymous gets as far as here.
        user=cast("User", request.user),
        content_type=ContentType.objects.get_for_model(row, for_concrete_model=False),
        object_id=row.pk,
        object_repr=f"{row._meta.verbose_name} {row.pk}",
        action_flag=flag,
        change_message=message if isinstance(message, str) else json.dumps(message),
    )


_WORDS = {ADDITION: "add", CHANGE: "change", DELETION: "delete"}
