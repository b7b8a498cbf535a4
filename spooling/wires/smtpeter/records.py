"""Lines of logs from events and reports: all columns of a log, by their names (contract §6.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import Count, QuerySet

from spooling.inbound import originals
from spooling.models import Content, DmarcReport, Mail
from spooling.outbox import public_ids
from spooling.webhooks import smtpeter_payloads
from spooling.wires.smtpeter import windows, wire
from spooling.wires.smtpeter.logs import Log
from stats.models import Event, EventKind

#: Events whose mails are looked up at once.
TOGETHER = 500
Record = dict[str, str | int]
_HEADERS = {"useragent": "User-Agent", "referer": "Referer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mails:
    """What is known of the mails that some events speak of."""

    mails: Mapping[int, Mail]
    contents: Mapping[int, Content]
    #: Temporary failures, by mail.
    deferrals: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """An event, its mail and the mail's content, each None where that is gone."""

    event: Event
    mail: Mail | None
    content: Content | None
    deferrals: int

    @property
    def handling(self) -> Mapping[str, Any]:
        return (self.content.handling if self.content else None) or {}

    @property
    def reply(self) -> Mapping[str, Any]:
        return smtpeter_payloads.reply_of(self.event)


def template_of(by: str, metadata: Mapping[str, Any]) -> int:
    """The id of the template that a call of this wire was made of; 0 for none."""
    value = metadata.get(wire.TEMPLATE, 0)
    return value if by == wire.NAME and isinstance(value, int) else 0


def of_events(events: QuerySet[Event], logs: Sequence[Log]) -> Iterator[tuple[Log, Record]]:
    """A record for each event in each of the logs that tell of it, in the order of the query."""
    rows = events.iterator(chunk_size=TOGETHER)
    while some := list(islice(rows, TOGETHER)):
        known = _known(some)
        for event in some:
            for log in logs:
                if event.kind in log.kinds:
                    yield log, _record(log, _told(event, known))


def of_reports(reports: QuerySet[DmarcReport]) -> Iterator[Record]:
    """A record for each report."""
    for report in reports.defer("xml").iterator(chunk_size=TOGETHER):
        yield {
            "time": windows.written(report.received_at),
            "organizationName": report.organisation,
            "email": report.email,
            "reportId": report.report_id,
            "begin": windows.written(report.begins_at),
            "end": windows.written(report.ends_at),
            "domain": report.domain,
            "sendingDomain": report.domain,
            "messages": str(report.messages),
            "failedSpf": str(report.failed_spf),
            "failedDkim": str(report.failed_dkim),
        }


def tags_of(mail: Mail) -> list[str]:
    """Its own, or else those of the call."""
    tags: list[str] = mail.tags or mail.submission.tags or []
    return tags


def _known(events: Iterable[Event]) -> _Mails:
    ids = {event.mail_id for event in events}
    columns = ("public_id", "email", "tags", "content_id", *(f"submission__{name}" for name in _OF_CALLS))
    rows = Mail.objects.filter(pk__in=ids).select_related("submission").only(*columns)
    mails = {mail.pk: mail for mail in rows}
    contents = Content.objects.only("handling", "track_clicks", "track_opens")
    deferred = Event.objects.filter(mail_id__in=ids, kind=EventKind.TEMPFAIL).values_list("mail_id")
    return _Mails(
        mails=mails,
        contents=contents.in_bulk({mail.content_id for mail in mails.values()}),
        deferrals=dict(deferred.annotate(Count("pk"))),
    )


_OF_CALLS = ("tags", "wire", "metadata")


def _told(event: Event, known: _Mails) -> _Told:
    mail = known.mails.get(event.mail_id)
    return _Told(
        event=event,
        mail=mail,
        content=known.contents.get(mail.content_id) if mail else None,
        deferrals=known.deferrals.get(event.mail_id, 0),
    )


def _record(log: Log, told: _Told) -> Record:
    return {name: _COLUMNS[name](told) for name in log.columns}


def _properties(told: _Told) -> str:
    """The options that the mail was sent with, by their names."""
    enabled = {
        "trackclicks": bool(told.content and told.content.track_clicks),
        "trackopens": bool(told.content and told.content.track_opens),
        "trackbounces": told.handling.get("track_bounces", True),
        "preventscam": told.handling.get("spare_shown_links", False),
    }
    return ";".join(name for name, on in enabled.items() if on)


def _headers(told: _Told) -> str:
    """What is kept of the visitor's, one a line."""
    detail = told.event.detail
    return "\n".join(f"{header}: {detail[name]}" for name, header in _HEADERS.items() if detail.get(name))


def _state(told: _Told) -> str:
    asynchronous = told.event.kind == EventKind.BOUNCE
    return "bounce" if asynchronous else str(told.event.detail.get("stage", ""))


def _type(told: _Told) -> str:
    return "failed" if told.event.kind == EventKind.BOUNCE else "failure"


def _url(told: _Told) -> str:
    return str(told.event.detail.get("url", ""))


def _nothing(told: _Told) -> str:
    """Not known here."""
    return ""


#: All are texts but the number of the try and the template's id.
_COLUMNS: dict[str, Callable[[_Told], str | int]] = {
    "id": lambda told: public_ids.letter_first(told.mail.public_id) if told.mail else "",
    "time": lambda told: windows.written(told.event.at),
    "envelope": lambda told: str(told.handling.get("envelope_sender") or ""),
    "recipient": lambda told: told.mail.email if told.mail else "",
    "properties": _properties,
    "tags": lambda told: ";".join(tags_of(told.mail)) if told.mail else "",
    "templateid": lambda told: (
        template_of(told.mail.submission.wire, told.mail.submission.metadata) if told.mail else 0
    ),
    "attempt": lambda told: told.deferrals,
    "type": _type,
    "code": lambda told: str(told.reply["code"]),
    "status": lambda told: str(told.reply["extended"]),
    "description": lambda told: str(told.reply["description"]),
    "state": _state,
    "mime": lambda told: originals.of_event(told.event).decode("utf-8", "replace"),
    "headers": _headers,
    "ip": lambda told: str(told.event.detail.get("ip", "")),
    "url": _url,
    "destination": _url,
    **dict.fromkeys(("from", "to", "protocol", "city", "countryname", "countrycode", "regioncode"), _nothing),
}
