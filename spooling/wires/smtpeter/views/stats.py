"""`stats` and `tag`: figures of tags (contract §6.7)"""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Max, Min, Q, Sum
from django.http import HttpResponse
from rest_framework.request import Request

from spooling import mail_tags
from spooling.wires.smtpeter import errors, windows, wire
from stats.models import Event, EventKind

#: Tags that are listed.
MOST = 10


class TagsView(wire.WireView):
    """Of the tags that were given last, the newest first."""

    http_method_names = ["get", "head"]

    def get(self, request: Request) -> HttpResponse:
        tags = mail_tags.recent(self.account_id, limit=MOST)
        figures = (_figures(self.account_id, tag) for tag in tags)
        return wire.answer([found for found in figures if found])


class TagView(wire.WireView):
    http_method_names = ["get", "head"]

    def get(self, request: Request, tag: str) -> HttpResponse:
        found = None if "\0" in tag else _figures(self.account_id, tag)
        if not found:
            raise errors.NotFound("There is no such tag.")
        return wire.answer(found)


def _figures(account_id: int, tag: str) -> dict[str, Any]:
    """Empty for a tag that no mail carries."""
    events = Event.objects.filter(account_id=account_id, mail_id__in=mail_tags.carrying(account_id, [tag]))
    found = events.aggregate(
        first=Min("at"),
        last=Max("at"),
        all_opens=Count("id", filter=Q(kind=EventKind.OPEN)),
        unique_opens=Sum("counts", filter=Q(kind=EventKind.OPEN), default=0),
        all_clicks=Count("id", filter=Q(kind=EventKind.CLICK)),
        unique_clicks=Sum("counts", filter=Q(kind=EventKind.CLICK), default=0),
        messages=Count("id", filter=Q(kind=EventKind.SPOOLED)),
        deliveries=Sum("counts", filter=Q(kind=EventKind.DELIVERED), default=0),
    )
    if found["first"] is None:
        return {}
    moments = {name: windows.written(found[name]) for name in ("first", "last")}
    return {"tag": tag, **found, **moments}
