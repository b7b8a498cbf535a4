"""Where the wire is mounted, and its error document where no view answers."""

from __future__ import annotations

import re
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse

from spooling.mounts import Failure, Mount

#: The one slug of the error document that the native code does not spell.
_SLUGS = {HTTPStatus.BAD_REQUEST: "invalid-json"}


def failed(request: HttpRequest, failure: Failure) -> HttpResponse:
    slug = _SLUGS.get(failure.status, failure.code.replace("_", "-"))
    document = {"error": failure.detail, "code": slug, "details": {}}
    return JsonResponse(document, status=failure.status)


MOUNT = Mount(
    urls="spooling.wires.octosend.urls",
    prefixes=("api/v?3[.]0/", "octosend/(?:api/)?3[.]0/", "octosend/api/v3[.]0/"),
    paths=re.compile(r"/(?:api/v?3\.0|octosend)(?:/|$)"),
    failed=failed,
    programs=("/api/3.0/", "/api/v3.0/", "/octosend/"),
)
