"""Attachments of a send: as data, or to be fetched (contract §4.1)."""

from __future__ import annotations

import binascii
import mimetypes
import re
import time
from collections.abc import Sequence
from http import HTTPStatus
from posixpath import basename
from urllib.parse import unquote, urlsplit

from django.conf import settings

from earwig import errors as earwig_errors
from earwig import fetching, media_types
from spooling.outbox.drafts import NewFile
from spooling.wires.smtpeter.inputs import Properties

MOST = 100
#: Of all that one call fetches; its client gives up soon after.
SECONDS = 8.0
REDIRECTS = 3
LONGEST_NAME = 255
UNKNOWN_TYPE = "application/octet-stream"

_BREAK = re.compile("[\r\n\0]")
_BLANKS = re.compile(r"\s+")


def read(properties: Properties) -> tuple[NewFile, ...]:
    """All files. Not in a transaction: other servers are asked for some. Raises InvalidField."""
    given = properties.objects("attachments")
    if len(given) > MOST:
        raise properties.invalid("attachments", f"At most {MOST} files.")
    return _Fetching().files(given)


class _Fetching:
    """The files of one call, and what may still be fetched for them."""

    def __init__(self) -> None:
        self.ends = time.monotonic() + SECONDS
        self.bytes_left: int = settings.MAX_BODY_BYTES

    def files(self, given: Sequence[Properties]) -> tuple[NewFile, ...]:
        return tuple(self._fetched(each) if "url" in each else _told(each) for each in given)

    def _fetched(self, given: Properties) -> NewFile:
        url = given.text("url").strip()
        answer = self._answer(given, url)
        name = _name(given, default=unquote(basename(urlsplit(url).path)) or "attachment")
        type_ = answer.headers.get("content-type", "").partition(";")[0].strip()
        return NewFile(name=name, type=_type(given, name, default=type_), data=answer.body)

    def _answer(self, given: Properties, url: str) -> fetching.Answer:
        seconds = self.ends - time.monotonic()
        if seconds <= 0:
            raise given.invalid("url", "Fetching the attachments takes too long.")
        bounds = fetching.Bounds(seconds=seconds, most_bytes=self.bytes_left, redirects=REDIRECTS)
        try:
            answer = fetching.request(fetching.Call(url=url), bounds)
        except earwig_errors.EarwigError as error:
            raise given.invalid("url", error.message) from None
        if answer.status != HTTPStatus.OK:
            raise given.invalid("url", f"Its server answered {answer.status}.")
        self.bytes_left -= len(answer.body)
        return answer


def _told(given: Properties) -> NewFile:
    if "data" not in given:
        raise given.invalid("data", "Data or an url are needed.")
    name = _name(given, default="attachment")
    return NewFile(name=name, type=_type(given, name), data=_decoded(given))


def _decoded(given: Properties) -> bytes:
    """Base64 (RFC 4648 §4), in lines or not."""
    try:
        return binascii.a2b_base64(_BLANKS.sub("", given.text("data")).encode("ascii"), strict_mode=True)
    except ValueError:
        raise given.invalid("data", "Base64 is expected.") from None


def _name(given: Properties, *, default: str) -> str:
    name = given.text("name") or _BREAK.sub("", default)[:LONGEST_NAME]
    if len(name) > LONGEST_NAME or _BREAK.search(name):
        raise given.invalid("name", f"At most {LONGEST_NAME} characters without line breaks.")
    return name


def _type(given: Properties, name: str, *, default: str = "") -> str:
    told = given.text("type").strip()
    if told and not media_types.is_bare(told):
        raise given.invalid("type", "A media type such as application/pdf is expected.")
    guessed = mimetypes.guess_type(name)[0] or ""
    return told or guessed or (default if media_types.is_bare(default) else UNKNOWN_TYPE)
