"""What a version of a template may say: five texts, some with tags in the template's language. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from earwig import errors as earwig_errors
from earwig import mailboxes
from templates_app import rendering
from templates_app.errors import Flaw, TemplateError

#: What a version consists of; `TemplateVersion` has a column for each.
FIELDS = ("from_email", "from_name", "subject", "html", "text")
#: Texts that may hold tags.
TAGGED = ("from_name", "subject", "html", "text")
MAX_SUBJECT = 2000
#: Texts that become a header field, and the most characters of each.
LINES = {"from_name": mailboxes.MAX_NAME, "subject": MAX_SUBJECT}

_BREAK = re.compile("[\r\n\0]")


def flaws(texts: Mapping[str, str], language: str) -> Iterator[Flaw]:
    """What is wrong with some of the texts, each by itself; a wrong tag is named with its line."""
    if texts.get("from_email"):
        yield from _address_flaws(texts["from_email"])
    for field, most in LINES.items():
        yield from line_flaws(field, texts.get(field, ""), most)
    for field in TAGGED:
        yield from _tag_flaws(field, texts.get(field, ""), language)


def emptiness(texts: Mapping[str, str]) -> Iterator[Flaw]:
    """That a whole wording has nothing to show."""
    if not (texts.get("html") or texts.get("text")):
        yield Flaw("text", "required", "Give html, text or both.")


def line_flaws(field: str, text: str, most: int) -> Iterator[Flaw]:
    """What keeps a text of at most so many characters out of a header field."""
    if _BREAK.search(text):
        yield Flaw(field, "header_injection", "No line breaks and no null characters.")
    if len(text) > most:
        yield Flaw(field, "too_long", f"At most {most} characters.")


def _address_flaws(email: str) -> Iterator[Flaw]:
    try:
        mailboxes.normal(email)
    except earwig_errors.InvalidAddress as error:
        yield Flaw("from_email", error.code, error.message)


def _tag_flaws(field: str, source: str, language: str) -> Iterator[Flaw]:
    try:
        rendering.check(source, language)
    except TemplateError as error:
        yield Flaw(field, error.code, str(error))
