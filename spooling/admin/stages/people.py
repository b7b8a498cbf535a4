"""People with their subscriptions: `earwig`'s page with what stands above it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from earwig.admin.people import PersonAdmin
from earwig.models import Person
from spooling.admin.read_only import table
from spooling.admin.stages import rows, subscriptions
from spooling.models import Subscription

MOST_SHOWN = 50

# Imports run downhill: the page below cannot show what stands above it, so it is replaced by one that does.
admin.site.unregister(Person)


@admin.register(Person)
class SubscribedPersonAdmin(PersonAdmin):
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*super().get_readonly_fields(request, obj), "subscriptions")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*PersonAdmin.fields, "subscriptions") if obj else PersonAdmin.fields

    @admin.display(description="Subscriptions")
    def subscriptions(self, person: Person) -> str | SafeString:
        found = Subscription.objects.filter(account=person.account_id, identity=person.external_id)
        kept = list(found.select_related("messageset").order_by("-id")[:MOST_SHOWN])
        return table((rows.link(row), _line(row)) for row in kept) if kept else "None."


def _line(row: Subscription) -> str:
    active = "active" if row.active else "not active"
    return f"{row.messageset} {row.lang}, next {row.next_sequence_number}, {active}, {subscriptions.status_of(row)}"
