"""Request bodies: bounded, JSON only, and nothing in them that a database refuses to store. And JSON of answers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import IO, Any

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.handlers.wsgi import LimitedStream
from django.http import HttpRequest
from gunicorn.http.errors import ParseException
from rest_framework.parsers import BaseParser

from earwig.web import errors

#: Nesting of a body; much deeper, later encoders would run out of stack.
MAX_DEPTH = 300
#: Objects and lists of a body, one for 16 bytes of the largest: each takes a hundred bytes of memory and more.
MAX_CONTAINERS = 2_000_000

_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
#: One that does not end goes to the end: nothing is read twice.
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def read(request: HttpRequest) -> bytes:
    """The body of a plain view. Raises NotJson, TooLarge."""
    if request.content_type != "application/json":
        raise errors.NotJson
    try:
        return request.body
    except RequestDataTooBig:
        raise errors.TooLarge from None


def load(body: bytes) -> Any:
    """JSON as data; of equal names in an object the last one counts.

    Raises InvalidJson, also for NaN, infinities, null characters, lone surrogates, excessive nesting and too many
    objects and lists.
    """
    require_sparse(body)
    try:
        data = json.loads(body.decode(), parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        raise errors.InvalidJson from None
    if _SUSPECT.search(body):
        _walk(data, _checked_members)
    elif not _is_shallow(data):
        _walk(data, _containers)
    return data


def require_sparse(body: bytes) -> None:
    """Raises InvalidJson for a body of more objects and lists than MAX_CONTAINERS, before they are made."""
    if len(body) <= MAX_CONTAINERS or _brackets(body) <= MAX_CONTAINERS:
        return
    # Texts may be full of tags.
    if _brackets(_TEXT.sub(b"", body)) > MAX_CONTAINERS:
        raise errors.InvalidJson("The body holds too many objects and lists.")


def _brackets(body: bytes) -> int:
    return body.count(b"{") + body.count(b"[")


def dump(value: Any) -> bytes:
    """Data of any size as JSON, without blanks."""
    try:
        return orjson.dumps(value)
    except TypeError:
        # Integers beyond 64 bits, and what is nested deeper than orjson goes.
        return json.dumps(value, separators=(",", ":")).encode()


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _is_shallow(data: Any) -> bool:
    """Whether it can be written by orjson, which stops at a nesting of 254: a fraction of the cost of a walk."""
    try:
        orjson.dumps(data)
    except TypeError:
        return False
    return True


def _walk(data: Any, members: Callable[[Any], Iterable[Any]]) -> None:
    level = [data]
    for _ in range(MAX_DEPTH):
        level = [inner for value in level for inner in members(value)]
        if not level:
            return
    raise errors.InvalidJson("The body is nested too deeply.")


def _containers(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return ()
    return [inner for inner in value if type(inner) in (dict, list)]


def _checked_members(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, list):
        return value
    if isinstance(value, str) and _UNSTORABLE.search(value):
        raise errors.InvalidJson("The body holds a null character or half of a surrogate pair.")
    return []


class JsonParser(BaseParser):
    """The same rules for DRF's views."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(settings.MAX_BODY_BYTES + 1)
        if len(body) > settings.MAX_BODY_BYTES:
            raise errors.TooLarge
        return load(body)


class WholeStream(LimitedStream):
    """A body of a known length. One that ends sooner is a cut connection: half a form is a form too."""

    def read(self, size: int | None = -1, /) -> bytes:
        left = self.limit - self._pos  # type: ignore[attr-defined]  # the stubs lack it
        data = super().read(size)
        if len(data) < (left if size is None or size < 0 else min(size, left)):
            raise ConnectionAbortedError("The body ended before its length.")
        return data


def bound(request: HttpRequest) -> None:
    """Let the body be read whole or not at all. Raises TooLarge and IncompleteBody, for a chunked body only; any
    other raises Django's UnreadablePostError where it is read.
    """
    meta = request.META
    if "chunked" in meta.get("HTTP_TRANSFER_ENCODING", "").lower() and meta.get("wsgi.input_terminated"):
        _unchunk(request)
    elif meta.get("CONTENT_LENGTH"):
        length = request._stream.limit  # type: ignore[attr-defined]  # a LimitedStream
        request._stream = WholeStream(meta["wsgi.input"], length)  # type: ignore[assignment]


def _unchunk(request: HttpRequest) -> None:
    """Give a chunked body the length that Django needs to see it."""
    meta = request.META
    try:
        data = meta["wsgi.input"].read(settings.MAX_BODY_BYTES + 1)
    except (OSError, ParseException):
        raise errors.IncompleteBody from None
    if len(data) > settings.MAX_BODY_BYTES:
        raise errors.TooLarge
    meta["CONTENT_LENGTH"] = str(len(data))
    meta["wsgi.input"] = BytesIO(data)
    request._stream = BytesIO(data)
