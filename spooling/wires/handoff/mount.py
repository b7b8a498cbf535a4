"""Where the wire is mounted, and its line of text where no view answers."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse

from spooling.mounts import Failure, Mount
from spooling.wires.handoff import wire


def failed(request: HttpRequest, failure: Failure) -> HttpResponse:
    return wire.text(failure.status.phrase.lower(), failure.status)


MOUNT = Mount(
    urls="spooling.wires.handoff.urls",
    prefixes=("", "handoff/"),
    paths=re.compile("/(?:handoff|sender|message|flag|statistics|management)(?:/|$)"),
    failed=failed,
)
