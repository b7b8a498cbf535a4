"""Bodies of calls in all their encodings, as one kind of data (quirk 5)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.utils.datastructures import MultiValueDict

from earwig.web import bodies
from earwig.web import errors as web_errors
from spooling.wires.smtpeter import errors

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

#: Brackets of one name.
MOST_BRACKETS = 20
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_KEYS = re.compile(r"\[([^\[\]]*)\]")
_PLACE = re.compile("[0-9]{1,9}")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def read(request: HttpRequest) -> dict[str, Any]:
    """The properties of a body; an empty one has none.

    Raises Refused, UnknownType, InvalidJson and TooLarge; UnreadablePostError for a connection that was cut.
    """
    kind = request.content_type or ""
    if kind == MULTIPART:
        return _multipart(request)
    body = _whole(request)
    if not body.strip():
        return {}
    if kind == JSON or (not kind and body.lstrip().startswith(b"{")):
        return _object(body)
    if kind and kind != FORM:
        raise errors.UnknownType
    return nested(_pairs(body))


def nested(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Fields whose names nest by brackets, as `to[]`, `data[name]`; a name that comes again makes a list.

    Raises Refused.
    """
    root = _Node()
    for name, value in pairs:
        texts = value.values() if isinstance(value, dict) else (value,)
        if _UNSTORABLE.search(name) or any(map(_UNSTORABLE.search, texts)):
            raise errors.Refused("The body holds a null character.")
        _put(root, _path(name), value)
    return {key: _plain(value) for key, value in root.items()}


class _Node(dict[str, Any]):
    """An object or a list of a form: which of both, its keys say."""

    __slots__ = ("following",)

    def __init__(self) -> None:
        super().__init__()
        #: The place of what comes next without one: as in PHP, behind the highest.
        self.following = 0

    def key(self, told: str) -> str:
        """The key that brackets name; a new one for empty brackets."""
        key = told or str(self.following)
        if _PLACE.fullmatch(key):
            self.following = max(self.following, int(key) + 1)
        return key


def _whole(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RequestDataTooBig:
        raise web_errors.TooLarge from None


def _object(body: bytes) -> dict[str, Any]:
    data = bodies.load(body)
    if data == [] or data is None:
        # As PHP writes an object without properties.
        return {}
    if not isinstance(data, dict):
        raise errors.Refused("The body is no JSON object.")
    return data


def _pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=settings.DATA_UPLOAD_MAX_NUMBER_FIELDS,
        )
    except ValueError:
        raise errors.Refused("The form cannot be read: it is no UTF-8, or has too many fields.") from None


def _multipart(request: HttpRequest) -> dict[str, Any]:
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.MAX_BODY_BYTES:
        raise web_errors.TooLarge
    try:
        fields, files = request.POST, request.FILES
    except RequestDataTooBig:
        raise web_errors.TooLarge from None
    except (MultiPartParserError, SuspiciousOperation, ValueError):
        raise errors.Refused("The form cannot be read.") from None
    told = [(name, value) for name, values in fields.lists() for value in values]
    return nested([*told, *_files(files)])


def _files(files: MultiValueDict) -> Iterable[tuple[str, Any]]:
    for name, values in files.lists():
        for file in values:
            data = base64.b64encode(file.read()).decode("ascii")
            yield name, {"name": file.name, "type": file.content_type, "data": data}


def _path(name: str) -> list[str]:
    """`a[b][]` as a, b and an empty text; what has no such form is a name as it is."""
    match = _NAME.fullmatch(name)
    if match is None:
        return [name]
    keys = _KEYS.findall(match[2])
    if len(keys) > MOST_BRACKETS:
        raise errors.Refused("A name has too many brackets.")
    return [match[1], *keys]


def _put(node: _Node, path: list[str], value: Any) -> None:
    for told in path[:-1]:
        node = node.setdefault(node.key(told), _Node())
        if not isinstance(node, _Node):
            raise errors.Refused(f"{path[0]}: Given both as a value and with brackets.")
    key = node.key(path[-1])
    node[key] = _together(node[key], value) if key in node else value


def _together(there: Any, value: Any) -> _Node:
    """Programs that know no brackets repeat a name."""
    node = there if isinstance(there, _Node) else _Node()
    for each in (value,) if node is there else (there, value):
        node[node.key("")] = each
    return node


def _plain(value: Any) -> Any:
    if not isinstance(value, _Node):
        return value
    if list(value) == [str(place) for place in range(len(value))]:
        return [_plain(inner) for inner in value.values()]
    return {key: _plain(inner) for key, inner in value.items()}
