"""`statistics/deliveries/…` and `statistics/events/…`, by the hour and by the day (contract §6.2)"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from spooling import deliverability
from spooling.deliverability import Bucket
from spooling.wires.relay import dates, figures, inputs, outputs, relations, wire
from stats import periods
from stats.periods import DAY, HOUR


class _BucketsView(wire.WireView):
    """All buckets of the window, oldest first, those in which nothing happened too."""

    scopes = wire.READS
    path: ClassVar[str]
    step: ClassVar[timedelta]
    relation: ClassVar[str]
    schema_of_page: ClassVar[str]

    def item(self, bucket: Bucket) -> dict[str, Any]:
        """What is shown of one."""
        raise NotImplementedError

    def get(self, request: Request) -> HttpResponse:
        now, page = timezone.now(), inputs.page(request.GET)
        window = figures.window(request.GET, step=self.step, now=now)
        buckets = deliverability.of_account(
            self.account_id, window, step=self.step, now=now, numbers=page.rows
        )
        href = f"{self.home}/statistics/{self.path}"
        collection = outputs.Collection(
            href=href,
            relation=self.relation,
            page=page,
            # Said in the links, so that the next page begins where this one does.
            query=request.GET.dict() | {"from": dates.written(window.start)},
            end=window.end,
        )
        links = [relations.link(href, self.relation, "self"), *self.ways_home()]
        items = [self.item(bucket) for bucket in buckets]
        count = len(periods.buckets(window, self.step))
        return self.answer(collection.document(items, count, links), schema=self.schema_of_page)


class _DeliveriesView(_BucketsView):
    schema_of_page = "deliveries-aggregation-collection-page"

    def item(self, bucket: Bucket) -> dict[str, Any]:
        return figures.of_deliveries(bucket)


class _EventsView(_BucketsView):
    schema_of_page = "events-aggregation-collection-page"

    def item(self, bucket: Bucket) -> dict[str, Any]:
        return figures.of_events(bucket)


class DeliveriesByHourView(_DeliveriesView):
    """What became of deliveries, by the hour."""

    path, step, relation = "deliveries/by_hour", HOUR, "get-deliveries-by-hour"


class DeliveriesByDayView(_DeliveriesView):
    """What became of deliveries, by the day."""

    path, step, relation = "deliveries/by_day", DAY, "get-deliveries-by-day"


class EventsByHourView(_EventsView):
    """Openings and clicks, by the hour."""

    path, step, relation = "events/by_hour", HOUR, "get-events-by-hour"


class EventsByDayView(_EventsView):
    """Openings and clicks, by the day."""

    path, step, relation = "events/by_day", DAY, "get-events-by-day"
