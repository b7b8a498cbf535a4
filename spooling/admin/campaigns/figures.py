"""What became of a campaign's mails and what their readers did: in sum, by provider, and by the hour."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from spooling.admin.campaigns import charts
from stats import figures, statistics, timelines
from stats.figures import Figures

#: Providers that have a row of their own; the rest share one.
MOST_PROVIDERS = 15
OTHERS = "all others"


class Card(NamedTuple):
    """A figure, and what of its whole it is, in percent; None where there is no whole."""

    name: str
    title: str
    mails: int
    percent: float | None


#: Figure → its title, and the figure that it is a part of.
_CARDS = {
    "delivered": ("Delivered", "spooled"),
    "deferred": ("Deferred", "spooled"),
    "failed": ("Failed", "spooled"),
    "open": ("Opened", "delivered"),
    "click": ("Clicked", "delivered"),
    "unsubscribe": ("Unsubscribed", "delivered"),
    "complaint": ("Complained", "delivered"),
    "bounce": ("Came back", "delivered"),
}


class Row(NamedTuple):
    """A provider."""

    provider: str
    figures: Figures


def by_provider(spooler_id: int) -> list[Row]:
    """Those with the most mails first."""
    found = statistics.of_spooler(spooler_id, by=statistics.Grouping.PROVIDER)
    rows = sorted((Row(provider, each) for (provider,), each in found.items()), key=_rank)
    rest = rows[MOST_PROVIDERS:]
    return [*rows[:MOST_PROVIDERS], *([Row(OTHERS, total(rest))] if rest else [])]


def _rank(row: Row) -> tuple[int, str]:
    return -row.figures.spooled, row.provider


def total(rows: Iterable[Row]) -> Figures:
    """All rows in one."""
    listed = list(rows)
    return Figures(**{name: sum(getattr(row.figures, name) for row in listed) for name in figures.NAMES})


def cards(all_of_it: Figures) -> list[Card]:
    """The figures that matter of a campaign, in order."""
    return [
        Card(name, title, getattr(all_of_it, name), _percent(all_of_it, name, whole))
        for name, (title, whole) in _CARDS.items()
    ]


def _percent(all_of_it: Figures, name: str, whole: str) -> float | None:
    count = getattr(all_of_it, whole)
    return 100 * getattr(all_of_it, name) / count if count else None


def timeline(spooler_id: int, *, now: datetime) -> charts.Timeline | None:
    """What left and what was read, by hours or more. None: nothing yet."""
    hours = timelines.of_spooler(spooler_id, now=now)
    return charts.timeline([(at, _shown(each)) for at, each in hours])


def _shown(each: Figures) -> dict[str, int]:
    return {"delivered": each.delivered, "deferred": each.deferred, "failed": each.failed}
