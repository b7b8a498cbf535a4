"""Where the wire is mounted, and its error document where no view answers."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse, JsonResponse

from spooling.mounts import Failure, Mount


def failed(request: HttpRequest, failure: Failure) -> HttpResponse:
    return JsonResponse({"error": failure.detail}, status=failure.status)


MOUNT = Mount(
    urls="spooling.wires.smtpeter.urls",
    prefixes=("v1/", "smtpeter/v1/"),
    paths=re.compile("/(?:v1|smtpeter)(?:/|$)"),
    failed=failed,
    programs=("/v1/", "/smtpeter/"),
)
