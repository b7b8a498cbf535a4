"""Where the wire is mounted, its index at `/`, and its error document where no view answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from spooling.mounts import Failure, Mount
from spooling.wires.relay import answers
from spooling.wires.relay.views.entrance import IndexView


def failed(request: HttpRequest, failure: Failure) -> HttpResponse:
    return answers.outside(request, failure.status, failure.detail)


def index(request: HttpRequest, product: Mapping[str, Any]) -> HttpResponseBase:
    return IndexView.as_view(product=product)(request)


MOUNT = Mount(
    urls="spooling.wires.relay.urls",
    prefixes=("", "relay(?:/|$)"),
    paths=re.compile("/(?:relay|accounts|user|tokens|reports|schemas|docs)(?:/|$)"),
    failed=failed,
    programs=("/relay/", "/accounts/", "/user", "/tokens", "/reports/", "/schemas/", "/docs/"),
    index=index,
)
