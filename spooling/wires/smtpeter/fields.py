"""Header fields beside those that name people: a client's own, and the ways to unsubscribe (contract §4.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from earwig import errors as earwig_errors
from earwig import mailboxes
from spooling.delivery import headers
from spooling.delivery.errors import MimeError
from spooling.wires.smtpeter.inputs import Properties

#: Of a message that is handed over whole: they say how to send it, and do not leave.
OPTIONS = "x-smtpeter-"
MOST = 50
LONGEST = 4000

_TARGET = re.compile(r"https?://[!-;=?-~]+")

Pair = tuple[str, str]


def read(properties: Properties) -> tuple[Pair, ...]:
    """Raises InvalidField."""
    return (*_own(properties), *_unsubscribe(properties))


def _own(properties: Properties) -> Iterator[Pair]:
    """Fields of the client, whose names all begin with `x-`."""
    for member in ("extra", "headers"):
        given = properties.inner(member)
        if len(given.values) > MOST:
            raise properties.invalid(member, f"At most {MOST} fields.")
        for name in given.values:
            value = given.text(name)
            _check(given, name, value)
            if not name.lower().startswith(OPTIONS):
                yield name, value


def _check(given: Properties, name: str, value: str) -> None:
    shown = ascii(name[:80])[1:-1]
    if not name.lower().startswith("x-"):
        raise given.invalid(shown, "The name of a field begins with x-.")
    if len(value) > LONGEST:
        raise given.invalid(shown, f"At most {LONGEST} characters.")
    try:
        headers.check_header(name, value)
    except MimeError as error:
        raise given.invalid(shown, str(error)) from None


def _unsubscribe(properties: Properties) -> Iterator[Pair]:
    """RFC 2369 §3.2, RFC 8058 §3.1."""
    given = properties.inner("unsubscribe")
    email, url = given.text("email").strip(), given.text("url").strip()
    if email:
        email = _address(given, email)
    if url and (len(url) > LONGEST or not _TARGET.fullmatch(url)):
        raise given.invalid("url", "An address of the web is expected.")
    if email or url:
        ways = [f"<mailto:{email}>"] * bool(email) + [f"<{url}>"] * bool(url)
        yield "List-Unsubscribe", ", ".join(ways)
    if given.flag("oneclick", default=False):
        if not url:
            raise given.invalid("oneclick", "It needs an url.")
        yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"


def _address(given: Properties, text: str) -> str:
    try:
        return mailboxes.normal(text)
    except earwig_errors.InvalidAddress as error:
        raise given.invalid("email", error.message) from None
