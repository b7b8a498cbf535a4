"""`datarequest`: what is stored of a recipient (contract §6.6)"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import orjson
from django.db import transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request

from earwig import errors as earwig_errors
from spooling import data_requests
from spooling.models import JobRequest, Mail
from spooling.models.jobs import JobState
from spooling.outbox import public_ids
from spooling.wires.smtpeter import errors, logs, records, windows, wire
from stats import events

_NOT_YET = "Data not available (yet)."


class DataRequestsView(wire.WireView):
    http_method_names = ["post"]

    @transaction.atomic
    def post(self, request: Request) -> HttpResponse:
        properties = self.properties()
        email = properties.text("email").strip()
        if not email:
            raise properties.invalid("email", "An address is needed.")
        monitor = properties.text("monitor").strip()
        try:
            job = data_requests.ask(self.account_id, email=email, monitor=monitor, now=timezone.now())
        except earwig_errors.InvalidAddress as error:
            raise errors.Refused(f"email, monitor: {error.message}") from None
        self.note("datarequest.ask", job)
        return wire.answer({"id": data_requests.number(job)}, status=HTTPStatus.CREATED)


class DataRequestBase(wire.WireView):
    http_method_names = ["get", "head"]

    def job(self, number: str) -> JobRequest:
        """Raises NotFound."""
        public_id: uuid.UUID | None = public_ids.from_letter_first(number)
        job = data_requests.of(self.account_id).filter(public_id=public_id).first() if public_id else None
        if job is None:
            raise errors.NotFound("There is no such request.")
        return job


class StatusView(DataRequestBase):
    def get(self, request: Request, number: str) -> HttpResponse:
        job = self.job(number)
        return wire.answer({"id": number, "status": "ready" if job.state == JobState.DONE else "pending"})


class DataRequestView(DataRequestBase):
    """An array for each mail, which begins with what it was, and for each other fact."""

    # It tells of a person.
    scopes = wire.CHANGES | {"GET": wire.CHANGES["POST"], "HEAD": wire.CHANGES["POST"]}

    def get(self, request: Request, number: str) -> HttpResponseBase:
        job = self.job(number)
        email = job.arguments["email"]
        info = {"type": "email", "id": email}
        if job.state != JobState.DONE:
            return wire.answer({"info": info, "data": _NOT_YET})
        return wire.streamed(_document(info, _data(self.account_id, email)))


def _document(info: dict[str, str], data: Iterator[list[dict[str, Any]]]) -> Iterator[str]:
    yield '{"info":' + orjson.dumps(info).decode() + ',"data":['
    for number, each in enumerate(data):
        yield ("," if number else "") + orjson.dumps(each).decode()
    yield "]}"


def _data(account_id: int, email: str) -> Iterator[list[dict[str, Any]]]:
    mails = data_requests.mails_to(account_id, email).select_related("content", "submission")
    for mail in mails.iterator(chunk_size=100):
        yield [_shown(mail), *_events(mail)]
    for fact in data_requests.facts(account_id, email):
        yield [fact]


def _shown(mail: Mail) -> dict[str, Any]:
    return {
        "type": "message",
        "id": public_ids.letter_first(mail.public_id),
        "time": windows.written(mail.created_at),
        "recipient": mail.email,
        "name": mail.name,
        "from": mail.content.from_email,
        "subject": mail.content.subject,
        "state": mail.state,
        "tags": ";".join(records.tags_of(mail)),
        "data": {**mail.content.variables, **mail.variables},
    }


def _events(mail: Mail) -> Iterator[dict[str, Any]]:
    """What came in because of it is not shown: that is another's letter."""
    for log, record in records.of_events(events.of_mail(mail.pk), logs.OF_MAILS):
        shown = {name: value for name, value in record.items() if name != "mime"}
        yield {**shown, "event": log.event or log.name}
