"""Reporting files: the name of one leads to a sealed address that needs no key (contract §18)."""

from __future__ import annotations

import re
import threading
import time
from datetime import UTC, date, timedelta
from http import HTTPStatus
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request

from earwig import sealing
from earwig.errors import Unsealable
from earwig.web import origins
from spooling import event_lines, job_files
from spooling.models import JobRequest
from spooling.reports import files
from spooling.wires.octosend import errors, wire

#: How long the address of a file is good.
VALID = timedelta(hours=1)
#: How long a call waits for a file that is being made, how often it looks, and when to come back.
WAIT_SECONDS, LOOK_SECONDS, RETRY_SECONDS = 20.0, 0.25, 5
#: Calls of a process that wait at once; the threads of its others serve on.
_waiting = threading.BoundedSemaphore(3)

# A domain may have an underscore, so from the right; what no domain has, no database is asked for.
_NAME = re.compile(
    r"(?P<domain>[^\x00-\x20]+)_(?P<family>[a-z]+)_(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})\.json\.gz", re.ASCII
)

#: Times of the wire are seconds since then.
_FIRST_DAY = date(1970, 1, 1)


class Asked(NamedTuple):
    """What the name of a file says."""

    domain: str
    family: str
    day: date


class Address(NamedTuple):
    """What the sealed part of an address says, and so proves that it was given out."""

    expires: int
    account_id: int
    domain_id: int
    name: str

    def seal(self) -> str:
        return sealing.seal(" ".join(map(str, self)))


class ReportView(wire.WireView):
    def get(self, request: Request, name: str) -> HttpResponse:
        now = timezone.now()
        asked = _asked(name)
        domain = self.domain(asked.domain)
        if asked.day >= now.astimezone(UTC).date():
            raise errors.NotFound("The day is not over.")
        files.ask(self.account_id, domain.pk, asked.day, now=now)
        own_name = f"{domain.name}_{asked.family}_{asked.day}.json.gz"
        expires = int((now + VALID).timestamp())
        url = _beside(request, Address(expires, self.account_id, domain.pk, own_name))
        return wire.answer(url, status=HTTPStatus.FOUND, headers={"Location": url})


def _asked(name: str) -> Asked:
    """Raises NotFound."""
    match = _NAME.fullmatch(name)
    if match is None or match["family"] not in event_lines.FAMILIES:
        raise errors.NotFound("There is no such report.")
    try:
        day = date.fromisoformat(match["day"])
    except ValueError:
        day = date.min
    if day < _FIRST_DAY:
        raise errors.NotFound("There is no such day.")
    return Asked(match["domain"], match["family"], day)


def _beside(request: Request, address: Address) -> str:
    """On the host and under the mount that the client used, the file's name last."""
    mount = request.path.rpartition("/domains/")[0]
    return origins.absolute(request._request, f"{mount}/files/{address.seal()}/{address.name}")


class FileView(wire.WireView):
    """The file to whoever has its address, again and again while that is good."""

    http_method_names = ["get", "head"]

    def admit(self, request: HttpRequest) -> None:
        """The address is the key."""

    def get(self, request: Request, sealed: str, name: str) -> HttpResponseBase:
        now = timezone.now()
        address = _opened(sealed)
        if address.name != name or address.expires < now.timestamp():
            raise errors.NotFound("The address of the file is no longer good; ask for the report again.")
        asked = _asked(name)
        # Asked for again: it may have been deleted meanwhile, because somebody in it was forgotten.
        job = files.ask(address.account_id, address.domain_id, asked.day, now=now)
        if not _is_made(job):
            return wire.refusal(
                "not-ready",
                "The file is still being made; come back in some seconds.",
                status=HTTPStatus.SERVICE_UNAVAILABLE,
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        return _file(job, asked.family, name, bodiless=request.method == "HEAD")


def _opened(sealed: str) -> Address:
    """Raises NotFound."""
    try:
        expires, account_id, domain_id, name = sealing.unseal(sealed).split(" ", 3)
        return Address(int(expires), int(account_id), int(domain_id), name)
    except (Unsealable, ValueError):
        raise errors.NotFound("There is no such file.") from None


def _is_made(job: JobRequest) -> bool:
    """Waits for it, unless too many others do."""
    if files.is_made(job):
        return True
    if not _waiting.acquire(blocking=False):
        return False
    try:
        return _is_made_by(job, time.monotonic() + WAIT_SECONDS)
    finally:
        _waiting.release()


def _is_made_by(job: JobRequest, deadline: float) -> bool:
    while time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        if files.is_made(job):
            return True
    return False


def _file(job: JobRequest, family: str, name: str, *, bodiless: bool) -> HttpResponseBase:
    # Never as JSON and never with Content-Encoding: a client would decode it.
    headers = {
        "Content-Type": "application/gzip",
        "Content-Length": str(job_files.size(job, family)),
        "Content-Disposition": f"attachment; filename={name}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    if bodiless:
        return HttpResponse(headers=headers)
    return StreamingHttpResponse(job_files.pieces(job, family), headers=headers)
