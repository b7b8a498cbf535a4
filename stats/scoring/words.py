"""Words and phrases that content filters weigh: `blocked_words.txt`, one a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import resources


def read(lines: Iterable[str]) -> tuple[str, ...]:
    """The phrases of a list, in lower case; blank lines and those that begin with # are none."""
    written = (line.strip().lower() for line in lines)
    return tuple(dict.fromkeys(phrase for phrase in written if phrase and not phrase.startswith("#")))


def occurring(phrases: Sequence[str], words: Sequence[str]) -> tuple[str, ...]:
    """Which phrases stand in a text, whole words only, as it has them in order."""
    text = f" {' '.join(words)} "
    return tuple(phrase for phrase in phrases if f" {phrase} " in text)


BLOCKED = read(resources.files(__package__).joinpath("blocked_words.txt").read_text("utf-8").splitlines())
