"""How a router fares at the moment: its pace, faults, connections and what waits, part by part."""

from __future__ import annotations

from django.db.models import Sum
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from spooling.models import ConnectionSlot, Pending, Router, Shape
from spooling.routers import ALL_PROVIDERS
from stats import providers

#: Parts that are shown, those with the most faults first; and mails that are counted.
MOST_PARTS, MOST_MAILS = 50, 10_000
HEADINGS = ("", "Pace", "Faults in a row", "Rests until", "Connections", "Waiting mails", "Last fault")


def table(router: Router) -> SafeString:
    """Everything escaped: what servers said is anybody's."""
    shapes = Shape.objects.filter(router=router).order_by("-faults", "pace", "provider")[:MOST_PARTS]
    connections = _connections(router)
    known = {shape.provider: shape for shape in shapes}
    rest = [part for part in connections if part not in known][:MOST_PARTS]
    rows = [_row(part, known.get(part), connections.get(part, 0)) for part in [*known, *rest]]
    head = format_html_join(
        "", '<th class="text-left pr-6 py-1 font-medium">{}</th>', ((each,) for each in HEADINGS)
    )
    body = format_html_join("", "<tr>{}</tr>", ((_cells(row),) for row in rows))
    return format_html("<table><tr>{}</tr>{}</table>", head, body)


def _connections(router: Router) -> dict[str, int]:
    held = ConnectionSlot.objects.filter(router=router, leased_until__gt=timezone.now())
    sums = held.values("provider").annotate(sum=Sum("connections")).order_by("provider")
    return {row["provider"]: row["sum"] for row in sums}


def _row(part: str, shape: Shape | None, connections: int) -> tuple[object, ...]:
    until = shape.deferred_until if shape else None
    return (
        "all" if part == ALL_PROVIDERS else part,
        f"{shape.pace / 10:g} %" if shape else "100 %",
        shape.faults if shape else 0,
        formats.date_format(until, "DATETIME_FORMAT") if until and until > timezone.now() else "",
        connections,
        _waiting(part),
        shape.last_fault if shape else "",
    )


def _waiting(part: str) -> str:
    """Of providers alone: which servers a waiting mail goes to is not known before it is looked up."""
    if part not in providers.NAMES:
        return ""
    count = Pending.objects.filter(state="waiting", provider=part)[:MOST_MAILS].count()
    return f"{count}" if count < MOST_MAILS else f"{MOST_MAILS} or more"


def _cells(row: tuple[object, ...]) -> SafeString:
    return format_html_join("", '<td class="align-top pr-6 py-1">{}</td>', ((each,) for each in row))
