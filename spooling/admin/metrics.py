"""The metrics of accounts, with their present values."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from earwig.models import Account
from spooling.admin.read_only import ReadOnlyAdmin
from stats.models import MetricSample


@admin.register(MetricSample)
class MetricSampleAdmin(ReadOnlyAdmin):
    list_display = ("name", "account", "value", "updated_at", "pushed_value")
    search_fields = ("name",)
    ordering = ("account_id", "name")
    fields = ("name", "account", "value", "updated_at", "pushed_value")
    readonly_fields = ("account",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[MetricSample]:
        slug = Account.objects.filter(pk=OuterRef("account_id")).values("slug")
        samples: QuerySet[MetricSample] = super().get_queryset(request).annotate(slug=Subquery(slug))
        return samples

    @admin.display(ordering="account_id")
    def account(self, sample: MetricSample) -> str:
        return str(sample.slug)  # type: ignore[attr-defined]  # get_queryset adds it
