"""Ways out. A router's password can be set, never read."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminPasswordWidget

from earwig import sealing
from earwig.admin import pages
from spooling.admin.read_only import ReadOnlyAdmin
from spooling.models import ConnectionSlot, Route, Router, Shape


class RouterForm(forms.ModelForm):
    password = forms.CharField(
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Leave empty to keep the one that is stored.",
    )
    forget_password = forms.BooleanField(required=False)

    class Meta:
        model = Router
        exclude: tuple[str, ...] = ()


class RouteInline(TabularInline):
    model = Route
    extra = 0


@admin.register(Router)
class RouterAdmin(pages.AuditedAdmin):
    form = RouterForm
    inlines = (RouteInline,)
    list_display = ("name", "account", "kind", "host", "port", "tls", "default", "disabled")
    list_filter = ("kind", "disabled")
    list_select_related = ("account",)
    readonly_fields = ("has_password",)
    fieldsets = (
        (None, {"fields": ("name", "account", "kind", ("default", "disabled"))}),
        ("Server", {"fields": (("host", "port"), ("tls", "verify_certificate"), "helo_name")}),
        ("Login", {"fields": ("username", "has_password", "password", "forget_password")}),
        ("Limits", {"fields": ("max_connections", "mails_per_connection", "mails_per_minute")}),
    )

    @admin.display(boolean=True, description="A password is stored")
    def has_password(self, router: Router) -> bool:
        return bool(router.password_sealed)

    def save_model(self, request: HttpRequest, obj: Router, form: forms.ModelForm, change: Any) -> None:
        if form.cleaned_data["password"]:
            obj.password_sealed = sealing.seal(form.cleaned_data["password"])
        elif form.cleaned_data["forget_password"]:
            obj.password_sealed = ""
        super().save_model(request, obj, form, change)


@admin.register(Shape)
class ShapeAdmin(ReadOnlyAdmin):
    list_display = ("router", "provider", "pace", "faults", "deferred_until", "last_fault")
    list_filter = ("router",)
    list_select_related = ("router",)


@admin.register(ConnectionSlot)
class ConnectionSlotAdmin(ReadOnlyAdmin):
    list_display = ("router", "worker", "connections", "leased_until")
    list_filter = ("router",)
    list_select_related = ("router",)
