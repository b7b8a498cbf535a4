"""Addresses that get no mail: found by the keyed hash of what is typed, so erased ones are found too."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.utils import timezone
from unfold.decorators import action
from unfold.paginator import InfinitePaginator

from earwig import addresses, audit, sealing
from earwig.admin import pages
from spooling import suppression_imports, suppressions
from spooling.admin import suppression_files
from spooling.admin.suppression_files import ExportForm, ImportForm, SuppressionForm
from spooling.models import Suppression
from spooling.models.spoolers import Lane


class ScopeFilter(admin.SimpleListFilter):
    title, parameter_name = "scope", "scope"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("installation", "Whole installation"),
            ("account", "Whole account"),
            ("domain", "One sending domain"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Suppression]) -> QuerySet[Suppression]:
        scopes = {
            "installation": Q(account=None),
            "account": Q(account__isnull=False, domain=""),
            "domain": ~Q(domain=""),
        }
        return queryset.filter(scopes.get(self.value() or "", Q()))


class StreamFilter(admin.SimpleListFilter):
    """By choices: Django's own filter would look through the table for them."""

    title, parameter_name = "stream", "of_stream"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", "All streams"), *((lane.value, str(lane.label)) for lane in Lane)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Suppression]) -> QuerySet[Suppression]:
        chosen = self.value()
        return queryset.filter(stream="" if chosen == "all" else chosen) if chosen else queryset


@admin.register(Suppression)
class SuppressionAdmin(pages.AuditedAdmin):
    form = SuppressionForm
    # Counting millions of rows for the number of pages takes seconds.
    paginator = InfinitePaginator
    list_display = (
        "id",
        "address",
        "account",
        "domain",
        "stream",
        "reason",
        "source",
        "created_at",
        "expires_at",
    )
    list_filter = ("reason", ScopeFilter, StreamFilter, "account")
    list_select_related = ("account",)
    show_full_result_count = False
    search_fields = ("address_hash",)
    search_help_text = "A whole address, or a domain: a sending one, or one of the addresses."
    ordering = ("-id",)
    fields = ("account", "address", "domain", "stream", "reason")
    actions_list = ("import_file", "export")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Suppression], search_term: str
    ) -> tuple[QuerySet[Suppression], bool]:
        term = search_term.strip()
        if "@" in term:
            return queryset.filter(address_hash=sealing.address_hash(term)), False
        domain = addresses.canonical_domain(term)
        found = Q(domain=domain) | Q(address__endswith=f"@{domain}")
        return (queryset.filter(found) if term else queryset), False

    def save_model(self, request: HttpRequest, obj: Suppression, form: forms.ModelForm, change: Any) -> None:
        scope = suppressions.Scope(account_id=obj.account_id, domain=obj.domain, stream=obj.stream)
        stored = suppressions.suppress(
            scope, obj.address, reason=obj.reason, source="admin", now=timezone.now()
        )
        obj.pk = stored.pk

    @action(description="Import", permissions=["add"])
    def import_file(self, request: HttpRequest) -> HttpResponse:
        form = ImportForm(request.POST or None, request.FILES or None)
        context = {
            "title": "Import suppressions",
            "button": "Import",
            "explanation": "A CSV file whose first line names its columns "
            f"({', '.join(suppression_imports.COLUMNS)}; only address is needed), or one address a line.",
        }
        return self.carry_out(
            request, form, context, lambda form, now: self._import(request, form.cleaned_data, now)
        )

    @action(description="Export", permissions=["view"])
    def export(self, request: HttpRequest) -> HttpResponse:
        form = ExportForm(request.POST or None)
        context = {
            "title": "Export suppressions",
            "button": "Export",
            "explanation": "A CSV file, oldest first, without those whose address was erased. What a spreadsheet would "
            "take for a formula has an apostrophe before it, which an import here takes away again.",
        }
        # The answer is no page but a file, whatever the type that views here answer with.
        return self.carry_out(
            request, form, context, lambda form, now: self._export(request, form.cleaned_data, now)
        )

    def _import(self, request: HttpRequest, wanted: dict[str, Any], now: datetime) -> HttpResponse:
        account = wanted["account"]
        data, form = wanted["file"]
        job = suppression_imports.ask(account.pk, data, form=form, now=now)
        audit.record("suppressions.import", job, now=now, account=account, user=request.user)
        self.message_user(request, "The file is stored; this page tells how far it is.", messages.SUCCESS)
        return HttpResponseRedirect(pages.page_of(job))

    def _export(self, request: HttpRequest, wanted: dict[str, Any], now: datetime) -> HttpResponse:
        rows = Suppression.objects.filter(**{name: value for name, value in wanted.items() if value})
        subject = wanted["account"] or cast("User", request.user)
        audit.record("suppressions.export", subject, now=now, account=wanted["account"], user=request.user)
        answer = StreamingHttpResponse(suppression_files.lines(rows), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="suppressions.csv"'
        answer["Cache-Control"] = "private, no-store"
        return answer  # type: ignore[return-value]  # the stubs tell streams from answers, Django does not
