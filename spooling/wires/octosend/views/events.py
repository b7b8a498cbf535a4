"""`events/spooler/{t}/…` and `events/domain/{d}/…` (contract §12)."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from spooling import event_lines
from spooling.wires.octosend import wire
from spooling.wires.octosend.inputs import Parameters
from stats import events, statistics
from stats.models import Event


class Source(NamedTuple):
    """The events of one spooler or domain, and how many there are of each kind."""

    rows: QuerySet[Event]
    counts: dict[str, int]


class EventsView(wire.WireView):
    """Of a spooler by its token or of a domain by its name."""

    scopes = wire.READS

    def source(self, token: str | None, name: str | None) -> Source:
        """Raises NotFound."""
        own = Event.objects.filter(account_id=self.account_id)
        if token is not None:
            spooler = self.spooler(token)
            return Source(own.filter(spooler_id=spooler.pk), statistics.events_of_spooler(spooler.pk))
        domain = self.domain(name or "")
        counts = statistics.events_of_domain(self.account_id, domain.pk)
        return Source(own.filter(domain_id=domain.pk), counts)


class CountView(EventsView):
    """How many events there are of a type or a family."""

    def post(self, request: Request, token: str | None = None, name: str | None = None) -> HttpResponse:
        source = self.source(token, name)
        return wire.answer(_total(source.counts, _kinds(self.parameters())))

    get = post


class FetchView(EventsView):
    """Events as they arrived: what commits late comes behind all that was shown before, so pages miss nothing."""

    def post(self, request: Request, token: str | None = None, name: str | None = None) -> HttpResponse:
        source, parameters = self.source(token, name), self.parameters()
        kinds, page = _kinds(parameters), parameters.page()
        if page.offset >= _total(source.counts, kinds):
            # Nothing needs to be passed over to know that.
            return wire.answer([])
        arrived = events.settled(source.rows.filter(kind__in=kinds))
        ordered = arrived.reverse() if page.reverse else arrived
        return wire.answer(event_lines.present(list(ordered[page.rows])))


def _kinds(parameters: Parameters) -> list[str]:
    """Those of a type or a family, all without one, none of an unknown one. Raises InvalidField."""
    word = parameters.text("event")
    return event_lines.kinds(word) if word else list(event_lines.WORDS)


def _total(counts: dict[str, int], kinds: list[str]) -> int:
    return sum(counts.get(kind, 0) for kind in kinds)
