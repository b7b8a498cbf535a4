"""What is scored: a message before its placeholders are filled in, and what the rules read in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from stats.scoring import links, markup, words

#: Text that is looked at, in characters of each part: what stands behind nobody reads.
LONGEST_TEXT = 200_000

_PLACEHOLDER = re.compile(r"\{\{(?:[^{}]|\{\{[^{}]*+\}\})*+\}\}")
_WORD = re.compile(r"\w++")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as it is handed over. `size` is the bytes of all of it, files too, as it would be sent."""

    subject: str = ""
    html: str = ""
    text: str = ""
    headers: Sequence[tuple[str, str]] = ()
    sender: str = ""
    size: int = 0
    #: Whether its domain has a key that signs.
    signed: bool = False
    #: Whether its readers may want no more of the kind.
    bulk: bool = True
    blocked_words: Sequence[str] = field(default=words.BLOCKED)


class Reading:
    """A message as the rules see it; everything is read at most once."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.markup = markup.read(message.html)
        self.header_names = {name.strip().lower() for name, _ in message.headers}

    @cached_property
    def subject(self) -> str:
        """The subject's own words."""
        return own_words(self.message.subject[:LONGEST_TEXT])

    @cached_property
    def html_text(self) -> str:
        """What a reader of the HTML reads, but for its placeholders."""
        return own_words(self.markup.text[:LONGEST_TEXT])

    @cached_property
    def plain_text(self) -> str:
        """What a reader of the text reads, but for its placeholders."""
        return own_words(self.message.text[:LONGEST_TEXT])

    @cached_property
    def body(self) -> str:
        """The body that most readers see."""
        return self.html_text if self.message.html.strip() else self.plain_text

    @cached_property
    def addresses(self) -> list[links.Address]:
        """Where its links and pictures lead, as far as it says so itself."""
        written = [link.target for link in self.markup.links]
        written += [image.source for image in self.markup.images]
        written += links.in_text(self.message.text[:LONGEST_TEXT])
        found = (links.parsed(target) for target in dict.fromkeys(written))
        return [address for address in found if address is not None]


def own_words(text: str) -> str:
    """The text without its placeholders, blanks run together."""
    return " ".join(_PLACEHOLDER.sub(" ", text).split())


def words_of(text: str) -> list[str]:
    """Its words in lower case, in order."""
    return _WORD.findall(text.lower())
