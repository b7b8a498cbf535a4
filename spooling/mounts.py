"""What an installation asks of a foreign wire: its paths, and its words where no view answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error outside of any view; `code` and `detail` are what the native API says of it."""

    status: HTTPStatus
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """Offered as `MOUNT` by the module `mount` of each wire."""

    #: The module of its URL patterns, and expressions for what stands before them.
    urls: str
    prefixes: tuple[str, ...]
    #: Where it answers, as far as anybody does.
    paths: re.Pattern[str]
    failed: Callable[[HttpRequest, Failure], HttpResponse]
    #: Beginnings of paths without session and form token.
    programs: tuple[str, ...] = ()
    #: Its answer at `/`, with what the product says of itself there.
    index: Callable[[HttpRequest, Mapping[str, Any]], HttpResponseBase] | None = None
