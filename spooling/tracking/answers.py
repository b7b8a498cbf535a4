"""What a click and a fetched picture are answered, whichever way they came in. An answer means: the event is stored."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, NamedTuple

from django.utils.encoding import iri_to_uri

from earwig.web import origins
from spooling.tracking import hits, tokens, visitors
from spooling.tracking.visitors import Visitor

CLICK, PIXEL = b"c", b"p"
#: Of every answer to a tracked link: kept by nobody, found by nobody, and told to nobody whom it leads to.
PRIVATE = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex", "Referrer-Policy": "no-referrer"}
_GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_PICTURE = {"Content-Type": "image/gif"} | PRIVATE


class Answer(NamedTuple):
    """`headers` without the length of the body."""

    status: HTTPStatus
    headers: Mapping[str, str]
    body: bytes


def answer(kind: bytes, text: str, meta: Mapping[str, Any], *, now: datetime) -> Answer:
    """Record a hit by its token; `meta` is the request's WSGI environment. Raises LinkUnknown."""
    token = tokens.read(text, kind)
    place = hits.record(token, visitor(meta, follows=kind != PIXEL), now=now)
    if kind == PIXEL:
        return Answer(HTTPStatus.OK, _PICTURE, _GIF)
    return Answer(HTTPStatus.FOUND, redirection(place.target) | PRIVATE, b"")


def redirection(url: str) -> dict[str, str]:
    """By hand: Django's own refuses what it takes for too long or too odd a URL."""
    return {"Location": iri_to_uri(url), "Content-Type": "text/html; charset=utf-8"}


def visitor(meta: Mapping[str, Any], *, follows: bool = True) -> Visitor:
    return visitors.visitor(
        agent=meta.get("HTTP_USER_AGENT", ""),
        ip=origins.peer(meta),
        method=meta["REQUEST_METHOD"].upper(),
        follows=follows,
    )
