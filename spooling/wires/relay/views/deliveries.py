"""`deliveries`, `deliveries/{id}`, `deliveries/aggregation` and `events` (contract §6.1, §6.4)"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from spooling import deliverability, deliveries
from spooling.models import Mail
from spooling.wires.relay import delivery_documents as documents
from spooling.wires.relay import figures, inputs, outputs, relations, wire
from stats import events, periods
from stats.models import Event
from stats.periods import DAY

#: Events that a delivery shows.
MOST_EVENTS = 1000
#: Characters of a filter.
LONGEST_FILTER = 320


class DeliveriesView(wire.WireView):
    """The collection, newest first."""

    scopes = wire.READS

    def get(self, request: Request) -> HttpResponse:
        page, window = inputs.page(request.GET), inputs.window(request.GET, now=timezone.now())
        words = inputs.words(request.GET, "filter", most=LONGEST_FILTER)
        asked = {**window._asdict(), "words": words}
        rows = deliveries.shown(deliveries.of(self.account_id, **asked))
        mails = list(rows.order_by("-id")[page.rows])
        href = f"{self.home}/deliveries"
        collection = outputs.Collection(
            href=href,
            relation="get-delivery-collection",
            page=page,
            query=request.GET.dict(),
            end=window.end,
        )
        links = [relations.link(href, "get-delivery-collection", "self"), *self.ways_home()]
        count = deliveries.count(self.account_id, **asked)
        document = collection.document(documents.present(self.home, mails), count, links)
        return self.answer(document, schema="delivery-collection-page")


class DeliveryView(wire.WireView):
    """One of them, with what happened to it."""

    scopes = wire.READS

    def get(self, request: Request, id: str) -> HttpResponse:
        own = deliveries.shown(Mail.objects.filter(account=self.account_id))
        mail = self.found(own, public_id=wire.guid(id))
        (document,) = documents.present(self.home, [mail])
        told = events.of_mail(mail.pk).filter(kind__in=documents.TYPES)[:MOST_EVENTS]
        links = [*document.pop("_links"), *self.ways_home()]
        happened = [documents.event(each, mail.email) for each in told]
        return self.answer(document | {"events": happened, "_links": links}, schema="delivery")


class AggregationView(wire.WireView):
    """What became of the deliveries of a time, in one sum."""

    scopes = wire.READS

    def get(self, request: Request) -> HttpResponse:
        now = timezone.now()
        window = figures.window(request.GET, step=DAY, now=now)
        sums = figures.total(deliverability.of_account(self.account_id, window, step=DAY, now=now), window)
        links = [
            relations.link(f"{self.home}/deliveries/aggregation", "get-deliveries-aggregation", "self"),
            relations.link(f"{self.home}/deliveries", "get-delivery-collection"),
            *self.ways_home(),
        ]
        return self.answer(figures.of_deliveries(sums) | {"_links": links}, schema="deliveries-aggregation")


class EventsView(wire.WireView):
    """What happened to deliveries, newest first."""

    scopes = wire.READS

    def get(self, request: Request) -> HttpResponse:
        now, page = timezone.now(), inputs.page(request.GET)
        window = figures.window(request.GET, step=DAY, now=now)
        happened = periods.between(self.account_id, window, now=now).filter(kind__in=documents.TYPES)
        told = list(happened.order_by("-transaction", "-id")[page.rows])
        href = f"{self.home}/events"
        collection = outputs.Collection(
            href=href,
            relation="get-event-collection",
            page=page,
            query=request.GET.dict(),
            end=window.end,
        )
        links = [relations.link(href, "get-event-collection", "self"), *self.ways_home()]
        count = happened.values("id")[: deliveries.MOST_COUNTED].count()
        document = collection.document(_items(self.home, told), count, links)
        return self.answer(document, schema="event-collection-page")


def _items(home: str, told: list[Event]) -> list[dict[str, Any]]:
    mails = Mail.objects.only("public_id", "email").in_bulk({event.mail_id for event in told})
    return [_item(home, event, mails.get(event.mail_id)) for event in told]


def _item(home: str, event: Event, mail: Mail | None) -> dict[str, Any]:
    """An event outlives its mail."""
    if mail is None:
        return documents.event(event, "") | {"deliveryId": None, "_links": []}
    link = relations.link(documents.href(home, mail), "get-delivery")
    return documents.event(event, mail.email) | {"deliveryId": str(mail.public_id), "_links": [link]}
