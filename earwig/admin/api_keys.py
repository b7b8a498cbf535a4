"""Keys: issued on a page that shows the secret once, rotated, revoked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.decorators import action
from unfold.forms import BaseDialogForm

from earwig import api_keys, errors
from earwig.admin import key_forms, pages
from earwig.models import ApiKey

RESTRICTIONS = (
    *("expires_at", "allowed_ips", "allowed_sender_domains", "requests_per_minute"),
    "wire_settings",
)


@admin.register(ApiKey)
class ApiKeyAdmin(pages.AuditedAdmin):
    form = key_forms.ChangeForm
    list_display = ("prefix", "account", "user", "name", "state", "scopes", "expires_at", "last_used_at")
    list_filter = ("account",)
    list_select_related = ("account", "user")
    search_fields = ("prefix", "name", "user__username")
    ordering = ("-id",)
    actions_detail = ("rotate", "revoke")
    readonly_fields = (
        "account",
        "user",
        "prefix",
        "state",
        "replaced_by",
        "created_at",
        "revoked_at",
        "last_used_at",
    )
    fields = (
        ("prefix", "state"),
        ("account", "user"),
        "name",
        "scopes",
        "allowed_ips",
        "allowed_sender_domains",
        "requests_per_minute",
        "expires_at",
        "wire_settings",
        ("created_at", "last_used_at"),
        ("revoked_at", "replaced_by"),
    )

    @admin.display(description="State")
    def state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return "revoked"
        if key.expires_at and key.expires_at <= timezone.now():
            return "expired"
        return "replaced" if key.replaced_by_id else "open"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = key_forms.IssueForm(request.POST or None)
        context = {"title": "Issue a key", "button": "Issue", "explanation": "The key is shown once."}
        return self.carry_out(
            request, form, context, lambda form, now: self._issue(request, form.cleaned_data, now)
        )

    def save_model(self, request: HttpRequest, obj: ApiKey, form: forms.ModelForm, change: bool) -> None:
        changed = {field: form.cleaned_data[field] for field in form.changed_data}
        api_keys.change(obj, **changed)

    @action(description="Rotate", permissions=["operate"])
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        key = pages.row_or_404(ApiKey, object_id)
        context = {
            "title": f"Rotate {key}",
            "button": "Rotate",
            "explanation": "A new key with the same rights; it is shown once.",
        }
        return self.carry_out(
            request,
            key_forms.RotateForm(request.POST or None),
            context,
            lambda form, now: self._rotate(request, key, form.cleaned_data["overlap_hours"], now),
        )

    @action(
        description="Revoke",
        permissions=["operate"],
        dialog=pages.asks("Revoke", "The key opens nothing from now on. This cannot be undone."),
    )
    def revoke(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        key = pages.row_or_404(ApiKey, object_id)
        try:
            api_keys.revoke(key, now=timezone.now())
        except errors.EarwigError as refused:
            self.message_user(request, refused.message, messages.ERROR)
        else:
            self.note(request, "revoke", key)
            self.message_user(request, "The key is revoked.", messages.SUCCESS)
        return pages.moved_to(key)

    @transaction.atomic
    def _issue(self, request: HttpRequest, wanted: dict[str, Any], now: datetime) -> HttpResponse:
        account, name, scopes = wanted["account"], wanted["name"], wanted["scopes"]
        restrictions = {field: wanted[field] for field in (*RESTRICTIONS, "user")}
        if wanted["old_key"]:
            key = api_keys.adopt(account, wanted["old_key"], name=name, scopes=scopes, now=now)
            api_keys.change(key, **restrictions)
            self.note(request, "adopt", key)
            return HttpResponseRedirect(pages.page_of(key))
        issued = api_keys.issue(account, name=name, scopes=scopes, now=now, **restrictions)
        self.note(request, "issue", issued.key)
        return self._show(request, issued)

    def _rotate(self, request: HttpRequest, key: ApiKey, hours: int, now: datetime) -> HttpResponse:
        issued = api_keys.rotate(key, overlap=timedelta(hours=hours), now=now)
        self.note(request, "rotate", key)
        self.note(request, "issue", issued.key)
        return self._show(request, issued)

    def _show(self, request: HttpRequest, issued: api_keys.Issued) -> HttpResponse:
        context = {"title": "The key", "secret": issued.secret, "href": pages.page_of(issued.key)}
        return self.answer(request, "secret", context)
