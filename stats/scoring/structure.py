"""Rules about the make of a message: its parts, its HTML, its pictures, its size."""

from __future__ import annotations

from stats import providers
from stats.scoring.message import Reading, words_of

#: "Gmail clips emails that have a message size larger than 102KB" (Mailchimp, "Gmail Is Clipping My Email";
#: measured between 102 and 105 KB by spamresource.com, January 2022).
CLIPPED_BYTES = 102 * 1024
#: The default limit of an Exchange Server organisation.
LARGEST_BYTES = 10 * 1024 * 1024
#: Characters of text that a picture needs beside it.
TEXT_PER_IMAGE = 80
#: How much of the words of the HTML the text part has at least; of fewer words nothing is said.
LEAST_COMMON = 0.5
_FEWEST_WORDS = 10

_YES = ("yes",)


def nothing(reading: Reading) -> tuple[str, ...]:
    message = reading.message
    return () if message.html.strip() or message.text.strip() else _YES


def unsigned(reading: Reading) -> tuple[str, ...]:
    return () if reading.message.signed else _YES


def providers_name(reading: Reading) -> tuple[str, ...]:
    domain = reading.message.sender.rpartition("@")[2].lower()
    return () if providers.of_domain(domain) == providers.OTHER else (domain,)


def active(reading: Reading) -> tuple[str, ...]:
    return tuple(sorted(reading.markup.active))


def forms(reading: Reading) -> tuple[str, ...]:
    return tuple(sorted(reading.markup.forms))


def broken(reading: Reading) -> tuple[str, ...]:
    return tuple(sorted(reading.markup.broken))


def no_text(reading: Reading) -> tuple[str, ...]:
    message = reading.message
    return _YES if message.html.strip() and not message.text.strip() else ()


def text_differs(reading: Reading) -> tuple[str, ...]:
    shown, plain = set(words_of(reading.html_text)), set(words_of(reading.plain_text))
    if len(shown) < _FEWEST_WORDS or not plain:
        return ()
    return _YES if len(shown & plain) < LEAST_COMMON * len(shown) else ()


def mostly_images(reading: Reading) -> tuple[str, ...]:
    images = sum(not image.tiny for image in reading.markup.images)
    return _YES if len(reading.html_text) < TEXT_PER_IMAGE * images else ()


def images_without_alt(reading: Reading) -> tuple[str, ...]:
    return _YES if any(not image.has_alt and not image.tiny for image in reading.markup.images) else ()


def embedded(reading: Reading) -> tuple[str, ...]:
    sources = (image.source[:5].lower() for image in reading.markup.images)
    return _YES if "data:" in sources else ()


def clipped(reading: Reading) -> tuple[str, ...]:
    return _YES if len(reading.message.html.encode("utf-8", "replace")) > CLIPPED_BYTES else ()


def too_large(reading: Reading) -> tuple[str, ...]:
    return _YES if reading.message.size > LARGEST_BYTES else ()
