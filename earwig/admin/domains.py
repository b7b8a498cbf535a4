"""Sending domains: their keys, what to publish, who owns them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import action
from unfold.forms import BaseDialogForm

from earwig import dns_checks, domain_settings, domains, errors
from earwig.admin import domain_records, pages
from earwig.admin.domain_forms import DomainForm, NewDomainForm
from earwig.models import DkimKey, Domain
from earwig.models.domains import Algorithm


class DkimKeyInline(TabularInline):
    model = DkimKey
    extra = 0
    can_delete = False
    ordering = ("-active", "-id")
    fields = readonly_fields = ("selector", "algorithm", "active", "created_at")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Domain)
class DomainAdmin(pages.AuditedAdmin):
    form = DomainForm
    list_display = ("name", "account", "default", "verified_at", "disabled", "dns")
    list_filter = ("account", "disabled", ("removed_at", admin.EmptyFieldListFilter))
    list_select_related = ("account",)
    search_fields = ("name",)
    ordering = ("name",)
    inlines = (DkimKeyInline,)
    actions_detail = ("check_now", "make_rsa_key", "make_ed25519_key", "rotate_keys", "verify")
    readonly_fields = ("account", "name", "verified_at", "created_at", "removed_at", "published")
    fields = (
        ("name", "account"),
        ("default", "disabled"),
        ("return_path_host", "tracking_host"),
        ("created_at", "verified_at", "removed_at"),
        "published",
    )

    class Media:
        css = {"all": ("earwig/records.css",)}
        js = ("earwig/records.js",)

    @admin.display(description="DNS")
    def dns(self, domain: Domain) -> str:
        return domain_records.summary(domain)

    @admin.display(description="Records to publish")
    def published(self, domain: Domain) -> SafeString:
        return domain_records.rendered(domain)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewDomainForm(request.POST or None)
        return self.carry_out(
            request,
            form,
            {"title": "Add a domain", "button": "Add"},
            lambda form, now: self._add(request, form.cleaned_data, now),
        )

    def save_model(self, request: HttpRequest, obj: Domain, form: forms.ModelForm, change: bool) -> None:
        # Nothing else: the look at its records may just be writing what it found.
        domain_settings.change(obj, {name: form.cleaned_data[name] for name in form.changed_data})

    @action(
        description="Check now",
        permissions=["operate"],
        dialog=pages.asks("Check now", "Looks up the records in DNS; that takes some seconds at most."),
    )
    def check_now(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, object_id, "check DNS", _check)

    @action(
        description="Make an RSA key",
        permissions=["operate"],
        dialog=pages.asks(
            "Make an RSA key", "The first one signs at once; a later one waits to be rotated in."
        ),
    )
    def make_rsa_key(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, object_id, "make RSA key", lambda domain: _make(domain, Algorithm.RSA))

    @action(
        description="Make an Ed25519 key",
        permissions=["operate"],
        dialog=pages.asks("Make an Ed25519 key", "It signs beside the RSA key."),
    )
    def make_ed25519_key(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(
            request, object_id, "make Ed25519 key", lambda domain: _make(domain, Algorithm.ED25519)
        )

    @action(
        description="Rotate keys",
        permissions=["operate"],
        dialog=pages.asks(
            "Rotate keys", "The newest keys sign from now on. Their records are published already?"
        ),
    )
    def rotate_keys(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(request, object_id, "rotate keys", domain_settings.rotate)

    @action(
        description="Verify",
        permissions=["operate"],
        dialog=pages.asks("Verify", "The account owns the domain: no other account may send from it."),
    )
    def verify(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._move(
            request, object_id, "verify", lambda domain: domains.verify(domain, now=timezone.now())
        )

    def _add(self, request: HttpRequest, wanted: dict[str, Any], now: datetime) -> HttpResponse:
        domain = domains.add(wanted["account"], name=wanted["name"], now=now)
        self.log_addition(request, domain, [{"added": {}}])
        return HttpResponseRedirect(pages.page_of(domain))

    def _move(
        self, request: HttpRequest, object_id: str, word: str, verb: Callable[[Domain], None]
    ) -> HttpResponse:
        domain = pages.row_or_404(Domain, object_id)
        try:
            verb(domain)
        except errors.EarwigError as refused:
            self.message_user(request, refused.message, messages.ERROR)
        else:
            self.note(request, word, domain)
            self.message_user(request, "Done.", messages.SUCCESS)
        return pages.moved_to(domain)


def _check(domain: Domain) -> None:
    dns_checks.check(domain, now=timezone.now())


def _make(domain: Domain, algorithm: Algorithm) -> None:
    domain_settings.make_next_key(domain, algorithm=algorithm, now=timezone.now())
