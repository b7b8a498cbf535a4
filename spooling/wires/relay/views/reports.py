"""`reports/…`: made in the background, and fetched by whoever has their address (contract §6.3, quirk 17)"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db import transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig import sealing
from earwig.errors import Unsealable
from spooling import job_files
from spooling.models import JobRequest
from spooling.reports import deliveries as reports
from spooling.wires.relay import answers, dates, errors, inputs, relations, wire
from spooling.wires.relay.relations import Link

PATH = "/reports/reportrequest"
#: How long an address of a file serves, from when it was shown.
SERVED = timedelta(days=1)
#: Reports of an account that wait to be made.
MOST_OPEN = 20
MOST_LISTED = 200
LONGEST_FILTER, LONGEST_RESOURCE = 320, 50
_ID = re.compile(r"[0-9]{1,18}", re.ASCII)
_ADDRESS = re.compile(r"relay report ([0-9]+) until ([0-9]+)", re.ASCII)


class RequestView(wire.WireView):
    """Asks for a report, and tells how far one is."""

    reads = "report-request"
    scopes = {**wire.READS, "POST": wire.READS["GET"]}

    def get(self, request: Request) -> HttpResponse:
        number = request.GET.get("reportRequestId", "")
        if not _ID.fullmatch(number):
            raise errors.invalid("reportRequestId", "A number is expected.")
        job = self.found(reports.of(self.account_id), pk=int(number))
        return self.answer(_item(self, job), schema="report-request")

    def post(self, request: Request) -> HttpResponse:
        fields = self.fields()
        asked = {
            "filter": fields.text("filter", most=LONGEST_FILTER),
            "resource": fields.text("resource", most=LONGEST_RESOURCE) or "deliveries",
        }
        start, end = fields.moment("start_date", required=True), fields.moment("end_date", required=True)
        named = fields.text("accountId")
        fields.finish()
        if named and named not in (str(self.account_id), self.credential.account_slug):
            raise errors.Forbidden
        job = self._asked(start or inputs.EARLIEST, end or inputs.EARLIEST, asked)
        document = {
            "createdResourceId": str(job.pk),
            "message": "Report request successfully created",
            "_links": [_link(job)],
        }
        return self.answer(document, schema="creation-result", status=201, location=_href(job))

    @transaction.atomic
    def _asked(self, start: datetime, end: datetime, asked: dict[str, Any]) -> JobRequest:
        """Raises Invalid, TooManyReports."""
        now = timezone.now()
        if start >= min(end, now):
            raise errors.invalid("start_date", "It must be earlier than `end_date`, and than now.")
        if reports.still_open(self.account_id) >= MOST_OPEN:
            raise errors.TooManyReports
        arguments = asked | {"user": self.credential.user_id, "end_date": end.isoformat()}
        job = reports.ask(self.account_id, start=start, end=end, arguments=arguments, now=now)
        self.note("add", job)
        return job


class RequestsView(wire.WireView):
    """Reports that were asked for, the newest first."""

    scopes = wire.READS

    def get(self, request: Request) -> HttpResponse:
        jobs = reports.of(self.account_id).order_by("-id")[:MOST_LISTED]
        links = [
            relations.link("/reports/reportrequests", "get-report-request-collection", "self"),
            relations.link(PATH, "create-report-request"),
            relations.INDEX,
        ]
        items = [_item(self, job) for job in jobs]
        return self.answer({"items": items, "_links": links}, schema="report-request-collection")


class FileView(wire.OpenView):
    """The file, for whoever has its address."""

    http_method_names = ["get", "head", "options"]

    def get(self, request: Request) -> Any:
        job = self.found(JobRequest.objects.all(), pk=_opened(request.GET.get("token", "")))
        if not reports.has_file(job):
            raise errors.NotFound
        response = StreamingHttpResponse(reports.pieces(job), content_type="text/csv; charset=utf-8")
        response["Content-Length"] = str(job_files.size(job, reports.FILE))
        response["Content-Disposition"] = f'attachment; filename="report-{job.pk}.csv"'
        response["Cache-Control"] = "private, no-store"
        for name, value in answers.CORS.items():
            response[name] = value
        return response


def _item(view: wire.WireView, job: JobRequest) -> dict[str, Any]:
    start, _ = reports.span(job)
    return {
        "user_id": job.arguments.get("user") or view.account_id,
        "name": f"Report {job.pk}",
        "processed": reports.is_made(job),
        "start_date": dates.written(start),
        "end_date": dates.written(datetime.fromisoformat(job.arguments["end_date"])),
        "filter": job.arguments.get("filter", ""),
        "resource": job.arguments.get("resource", ""),
        "accountId": view.account_id,
        "file_path": _address(view, job) if reports.has_file(job) else None,
        "_links": [_link(job), relations.INDEX],
    }


def _href(job: JobRequest) -> str:
    return f"{PATH}?reportRequestId={job.pk}"


def _link(job: JobRequest) -> Link:
    return relations.link(_href(job), "get-report-request", "related")


def _address(view: wire.WireView, job: JobRequest) -> str:
    """In the query, which logs leave out."""
    until = int((timezone.now() + SERVED).timestamp())
    token = sealing.seal(f"relay report {job.pk} until {until}")
    return f"{answers.base(view.request._request)}/reports/file?{urlencode({'token': token})}"


def _opened(token: str) -> int:
    """The report that an address is of. Raises NotFound."""
    try:
        match = _ADDRESS.fullmatch(sealing.unseal(token))
    except (Unsealable, ValueError):
        match = None
    if match is None or int(match[2]) < timezone.now().timestamp():
        raise errors.NotFound
    return int(match[1])
