"""Answers that hold what customers or strangers wrote. It is hostile: it gets an origin of its own, runs
nothing and reaches nothing.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from django.http import HttpResponse

#: The sandbox gives the document an opaque origin and forbids scripts, forms and pop-ups.
POLICY = (
    "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
#: Types a browser only shows. SVG is a document that can hold scripts, so it is no image here.
SHOWN = re.compile(r"(?:image/(?:png|jpeg|gif|webp|avif|bmp|x-icon)|(?:audio|video)/[a-z0-9.+-]{1,60})")


def page(html: str, *, remote_images: bool = False) -> HttpResponse:
    """Someone else's HTML, to be shown in a frame of ours.

    With `remote_images` its senders learn that somebody looks: only for who asks for them.
    """
    response = _fenced(HttpResponse(html, content_type="text/html; charset=utf-8"))
    if remote_images:
        response["Content-Security-Policy"] = POLICY.replace("img-src data:", "img-src data: https: http:")
    return response


def file(data: bytes, *, name: str, type_: str) -> HttpResponse:
    """Someone else's file: shown when it is an image, sound or film, else saved under its name."""
    shown = bool(SHOWN.fullmatch(type_))
    response = HttpResponse(data, content_type=type_ if shown else "application/octet-stream")
    response["Content-Disposition"] = f"{'inline' if shown else 'attachment'}; {_filename(name)}"
    return _fenced(response)


def _filename(name: str) -> str:
    """RFC 6266: a plain name for old programs, the right one for the rest."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)[:100].strip() or "file"
    return 'filename="' + plain + "\"; filename*=UTF-8''" + quote(name[:200], safe="")


def _fenced(response: HttpResponse) -> HttpResponse:
    response["Content-Security-Policy"] = POLICY
    response["X-Content-Type-Options"] = "nosniff"
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["Referrer-Policy"] = "no-referrer"
    response["X-DNS-Prefetch-Control"] = "off"
    response["Cache-Control"] = "private, no-store"
    return response
