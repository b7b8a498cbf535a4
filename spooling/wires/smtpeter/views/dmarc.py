"""`dmarc`: reports on DMARC as they came in (contract §6.5)"""

from __future__ import annotations

from datetime import UTC

from django.http import HttpResponse
from rest_framework.request import Request

from spooling.models import DmarcReport
from spooling.wires.smtpeter import errors, windows, wire

_NONE = "There is no such report."


class DmarcView(wire.WireView):
    scopes = wire.READS
    http_method_names = ["get", "head"]


class DaysView(DmarcView):
    """The days on which reports begin."""

    def get(self, request: Request) -> HttpResponse:
        begun = DmarcReport.objects.filter(account=self.account_id).values_list("begins_at", flat=True)
        days = {moment.astimezone(UTC).date() for moment in begun.iterator()}
        return wire.answer([day.isoformat() for day in sorted(days)])


class ReportView(DmarcView):
    """The report of an organisation on a domain; of several of a day the one with a number, from 0 on."""

    def get(
        self, request: Request, day: str, organisation: str, domain: str, number: str = "0"
    ) -> HttpResponse:
        asked = windows.day_of(day)
        if asked is None or "\0" in organisation + domain:
            raise errors.NotFound(_NONE)
        window = windows.of_day(asked)
        rows = DmarcReport.objects.filter(
            account=self.account_id,
            begins_at__gte=window.since,
            begins_at__lt=window.until,
            organisation=organisation,
            domain=domain.lower(),
        )
        found = rows.order_by("received_at", "id")[int(number) : int(number) + 1]
        for report in found:
            response = HttpResponse(report.xml, content_type="application/xml; charset=utf-8")
            response["Content-Disposition"] = "attachment; filename=report.xml"
            response["X-Content-Type-Options"] = "nosniff"
            return response
        raise errors.NotFound(_NONE)
