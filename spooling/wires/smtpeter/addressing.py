"""What a mail's header says of people: From, To, Cc, Reply-To. Pure.

Who gets the mail is another matter (`recipients`): whoever is not named here is a blind copy (quirk 8).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from earwig import errors as earwig_errors
from earwig import mailboxes
from spooling.delivery import headers
from spooling.wires.smtpeter import errors
from templates_app import rendering

#: Addresses that one field names.
MOST = 1000
_MARK = re.compile(r'\\.|[",]', re.DOTALL)
#: Characters of one field.
LONGEST = 100_000
#: For which the header's tags are rendered, for all recipients of a call together: each one's may take 35 ms.
SECONDS = 5.0

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Header:
    """(name, address) of each; the author's name may hold tags."""

    author: Pair
    to: tuple[Pair, ...] = ()
    cc: tuple[Pair, ...] = ()
    reply_to: tuple[Pair, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The same as clients write it; each may hold tags of `language`, also for the addresses (quirk 11)."""

    author: str
    to: Sequence[str] = ()
    cc: Sequence[str] = ()
    reply_to: Sequence[str] = ()
    language: str
    #: By the clock of `time.monotonic`.
    ends: float = float("inf")

    def fixed(self) -> Header | None:
        """What it says to all alike; None where each recipient's own data say it. Raises InvalidField."""
        author = self._author()
        fields = (self.to, self.cc, self.reply_to)
        if author is None or any(self._holds_tags(text) for field in fields for text in field):
            return None
        return Header(author, *(_listed(*pair) for pair in zip(("to", "cc", "replyto"), fields, strict=True)))

    def rendered(self, variables: Mapping[str, Any]) -> Header:
        """What it says to one recipient. Raises InvalidField, TemplateError."""
        author = self._author() or _mailbox("from", self._once("from", self.author, variables))
        return Header(
            author,
            _listed("to", [self._render(text, variables) for text in self.to]),
            _listed("cc", [self._render(text, variables) for text in self.cc]),
            _listed("replyto", [self._once("replyto", text, variables) for text in self.reply_to]),
        )

    def _once(self, name: str, text: str, variables: Mapping[str, Any]) -> str:
        """Rendered; the outbox takes it for a template again, so that data cannot make tags of it."""
        made = self._render(text, variables)
        if self._holds_tags(made):
            raise errors.InvalidField(name, "The data in it hold tags.")
        return made

    def _author(self) -> Pair | None:
        """A name with tags is a template of its own; an address with tags is none yet."""
        if not self._holds_tags(self.author):
            return _mailbox("from", self.author)
        try:
            name, email = mailboxes.parse(self.author)
        except earwig_errors.InvalidAddress:
            return None
        return None if self._holds_tags(email) else (name, email)

    def _holds_tags(self, text: str) -> bool:
        return rendering.holds_tags(text, self.language)

    def _render(self, text: str, variables: Mapping[str, Any]) -> str:
        if time.monotonic() > self.ends:
            raise errors.Refused("The tags in its recipients' headers take too long.")
        program = rendering.compile(
            text,
            language=self.language,
            escape=rendering.Escape.NONE,
            transfer=rendering.Transfer.PLAIN,
        )
        return headers.flatten(program.render(variables))


def _listed(name: str, texts: Sequence[str]) -> tuple[Pair, ...]:
    """The addresses of texts, each of which may have several between commas."""
    if sum(map(len, texts)) > LONGEST:
        raise errors.InvalidField(name, f"At most {LONGEST} characters.")
    found = tuple(_mailbox(name, part) for text in texts for part in _parts(text) if part.strip())
    if len(found) > MOST:
        raise errors.InvalidField(name, f"At most {MOST} addresses.")
    return found


def _parts(text: str) -> Iterator[str]:
    """What stands between commas outside of quotes (RFC 5322 §3.2.4)."""
    start, is_quoted = 0, False
    for mark in _MARK.finditer(text):
        if mark[0] == '"':
            is_quoted = not is_quoted
        elif mark[0] == "," and not is_quoted:
            yield text[start : mark.start()]
            start = mark.end()
    yield text[start:]


def _mailbox(name: str, text: str) -> Pair:
    try:
        return mailboxes.parse(text)
    except earwig_errors.InvalidAddress as error:
        raise errors.InvalidField(name, error.message) from None
