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
from spooling.admin import router_states
from spooling.admin.read_only import ReadOnlyAdmin
from spooling.models import ConnectionSlot, ProviderLimit, Route, Router, Shape
from spooling.models.routers import RouterKind


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

    def clean(self) -> dict[str, Any]:
        """A smarthost needs a host; direct delivery has none, nor a login."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        direct = given.get("kind") == RouterKind.MX
        if direct and (given.get("host") or given.get("username")):
            raise forms.ValidationError(
                "Direct delivery goes to the recipients' own servers: no host, no login."
            )
        if given.get("kind") == RouterKind.SMTP and not given.get("host"):
            self.add_error("host", "A smarthost needs one.")
        return given


class RouteInline(TabularInline):
    model = Route
    extra = 0


class LimitInline(TabularInline):
    model = ProviderLimit
    extra = 0
    verbose_name_plural = "Limits of providers and domains (* for any other)"


@admin.register(Router)
class RouterAdmin(pages.AuditedAdmin):
    form = RouterForm
    inlines = (LimitInline, RouteInline)
    list_display = ("name", "account", "kind", "host", "port", "tls", "default", "disabled")
    list_filter = ("kind", "disabled")
    list_select_related = ("account",)
    readonly_fields = ("has_password", "state")
    fieldsets = (
        (None, {"fields": ("name", "account", "kind", ("default", "disabled"))}),
        ("Server", {"fields": (("host", "port"), ("tls", "verify_certificate"), "helo_name")}),
        ("Login", {"fields": ("username", "has_password", "password", "forget_password")}),
        ("Limits", {"fields": ("max_connections", "mails_per_connection", "mails_per_minute")}),
        ("Direct delivery", {"fields": ("allow_private",)}),
        ("At the moment", {"fields": ("state",)}),
    )

    @admin.display(description="By provider or servers")
    def state(self, router: Router) -> str:
        return router_states.table(router) if router.pk else ""

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
    search_fields = ("provider",)
    list_filter = ("router",)
    list_select_related = ("router",)


@admin.register(ConnectionSlot)
class ConnectionSlotAdmin(ReadOnlyAdmin):
    list_display = ("router", "provider", "worker", "connections", "leased_until")
    list_filter = ("router",)
    list_select_related = ("router",)
