"""`events`: what became of mails, by the mail, its recipient, its template or its tags (contract §5.4)"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date

import orjson
from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request

from spooling.models import Mail
from spooling.wires.smtpeter import logs, records, selections, windows, wire
from spooling.wires.smtpeter.windows import Window
from stats.models import Event


class EventsView(wire.WireView):
    """An array in order of time."""

    scopes = wire.READS
    http_method_names = ["get", "head"]

    def window(self, request: Request, *, sent_on: date | None = None) -> Window:
        today = timezone.now().astimezone(UTC).date()
        return windows.read(request.GET, today=today, sent_on=sent_on)

    def happened(self, request: Request) -> QuerySet[Event]:
        """To mails of the account in the window."""
        window = self.window(request)
        return selections.happened(self.account_id, window, logs.EVENTS, now=timezone.now())

    def shown(self, request: Request, rows: QuerySet[Event]) -> HttpResponseBase:
        rows = selections.tagged(rows, self.account_id, _tags(request.GET.get("tags", ""), ";"))
        return wire.streamed(_array(_written(rows)))


class MessageEventsView(EventsView):
    def get(self, request: Request, message_id: str) -> HttpResponseBase:
        mail = self.mail(message_id)
        window = self.window(request, sent_on=mail.created_at.astimezone(UTC).date())
        mails = Mail.objects.filter(pk=mail.pk)
        return self.shown(request, selections.of_mails(mails, window, logs.EVENTS))


class AddressEventsView(EventsView):
    def get(self, request: Request, email: str) -> HttpResponseBase:
        window = self.window(request)
        mails = selections.to_address(self.account_id, email.removesuffix("/"))
        return self.shown(request, selections.of_mails(mails, window, logs.EVENTS))


class TemplateEventsView(EventsView):
    def get(self, request: Request, which: str) -> HttpResponseBase:
        rows = self.happened(request)
        return self.shown(request, selections.of_template(rows, self.account_id, which.removesuffix("/")))


class TagsEventsView(EventsView):
    def get(self, request: Request, tags: str) -> HttpResponseBase:
        rows = self.happened(request)
        return self.shown(request, selections.tagged(rows, self.account_id, _tags(tags, ";/")))


def _tags(text: str, marks: str) -> list[str]:
    return [tag for tag in re.split(f"[{marks}]", text.replace("\0", "")) if tag]


def _written(rows: QuerySet[Event]) -> Iterator[str]:
    """Each field twice, as clients differ in where they look: in `data`, and flat (quirk 16)."""
    for log, record in records.of_events(rows, logs.EVENTS):
        yield orjson.dumps({**record, "event": log.event, "data": record}).decode()


def _array(documents: Iterable[str]) -> Iterator[str]:
    yield "["
    for number, document in enumerate(documents):
        yield f",{document}" if number else document
    yield "]"
