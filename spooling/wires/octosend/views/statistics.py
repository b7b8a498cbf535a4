"""`statistics/…` and `timeline/…` (contract §13, §14)."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from spooling.wires.octosend import outputs, wire
from spooling.wires.octosend.inputs import Parameters
from stats import statistics, timelines
from stats.figures import Figures
from stats.statistics import Grouping, Groups, Period

GROUPINGS = {
    "global": Grouping.ALL,
    "router": Grouping.ROUTER,
    "domain": Grouping.DESTINATION,
    "provider": Grouping.PROVIDER,
    "router+domain": Grouping.ROUTER_DESTINATION,
    "router+provider": Grouping.ROUTER_PROVIDER,
}
#: None: all that there is.
PERIODS = {
    "all": None,
    "global": None,
    "day": Period.DAY,
    "daily": Period.DAY,
    "week": Period.WEEK,
    "weekly": Period.WEEK,
    "month": Period.MONTH,
    "monthly": Period.MONTH,
    "year": Period.YEAR,
    "yearly": Period.YEAR,
}


class SpoolerView(wire.WireView):
    """What became of a spooler's mails."""

    scopes = wire.READS

    def post(self, request: Request, token: str) -> HttpResponse:
        spooler = self.spooler(token)
        by = _grouping(self.parameters())
        return wire.answer(_nested(statistics.of_spooler(spooler.pk, by=by), by))


class AccountView(wire.WireView):
    """What became of an entity's mails, or of those from one of its domains, in a period."""

    scopes = wire.READS

    def post(self, request: Request, name: str | None = None) -> HttpResponse:
        domain_id = None if name is None else self.domain(name).pk
        parameters = self.parameters()
        by = _grouping(parameters)
        since, until = _days(parameters)
        found = statistics.of_account(self.account_id, by=by, since=since, until=until, domain_id=domain_id)
        return wire.answer(_nested(found, by))


class SpoolerTimelineView(wire.WireView):
    """By hours."""

    scopes = wire.READS

    def post(self, request: Request, token: str) -> HttpResponse:
        spooler = self.spooler(token)
        self.parameters()
        return wire.answer(_buckets(timelines.of_spooler(spooler.pk, now=timezone.now())))


class AccountTimelineView(wire.WireView):
    """By days, of the mails of one type."""

    scopes = wire.READS

    def post(self, request: Request, name: str | None = None) -> HttpResponse:
        domain_id = None if name is None else self.domain(name).pk
        lane = _known(self.parameters(), "type", outputs.LANES, "marketing")
        found = timelines.of_account(self.account_id, domain_id=domain_id, lane=lane, now=timezone.now())
        return wire.answer(_buckets(found))


def _grouping(parameters: Parameters) -> Grouping:
    grouping: Grouping = _known(parameters, "groupBy", GROUPINGS, "global")
    return grouping


def _days(parameters: Parameters) -> tuple[date | None, date | None]:
    """The first and the last day of the period that holds `timestamp`, now without one."""
    period = _known(parameters, "period", PERIODS, "all")
    moment = parameters.moment("timestamp") or timezone.now()
    return (None, None) if period is None else statistics.days_of(period, moment.date())


def _known(parameters: Parameters, name: str, words: dict[str, Any], default: str) -> Any:
    """What a word means. Raises InvalidField, which lists the words."""
    word = parameters.text(name) or default
    if word not in words:
        raise parameters.invalid(name, f"One of {', '.join(words)} is expected.")
    return words[word]


def _nested(found: Groups, by: Grouping) -> dict[str, Any]:
    """By the one or two names of each group (contract §13)."""
    if by is Grouping.ALL:
        return _result(found[()])
    if len(by.columns) == 1:
        return {key: _result(found[key,]) for (key,) in sorted(found)}
    nested: dict[str, Any] = {}
    for router, key in sorted(found):
        nested.setdefault(router, {})[key] = _result(found[router, key])
    return nested


def _buckets(found: timelines.Timeline) -> list[dict[str, Any]]:
    return [{"timestamp": outputs.seconds(start), **_result(figures)} for start, figures in found]


def _result(figures: Figures) -> dict[str, dict[str, int]]:
    return {
        "spooling": {
            "count": figures.spooled,
            "blocked": figures.blocked,
            "quarantine": figures.quarantined,
        },
        "routing": {
            "ok": figures.delivered,
            "tempfail": figures.deferred,
            "permfail": figures.failed,
        },
        "activity": {
            "open": figures.open,
            "click": figures.click,
            "mirror": figures.mirror,
            "unsubscribe": figures.unsubscribe,
            "abuse": figures.complaint,
        },
    }
