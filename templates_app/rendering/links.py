"""Tracked links in a template: their kinds, what a program asks for when it meets one, and what becomes of targets."""

import re
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from html import escape, unescape
from urllib.parse import quote

from templates_app import errors

#: Characters of the longest target. Browsers and servers give up earlier.
LONGEST_TARGET = 8_000

#: References that end in a semicolon; without one, `&copy=1` is a parameter of a URL more often than not.
_REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_PIXEL = '<img src="%s" width="1" height="1" alt="" style="border:0">'
_WEB = re.compile(r"https?://", re.IGNORECASE)
_UNSAFE = re.compile(r"[\s\"'<>\x00-\x1f]")


class LinkKind(StrEnum):
    """What a link does when it is followed. A template names it by this word."""

    #: Counts a click and leads on to its target.
    CLICK = "click"
    #: Unsubscribes, and leads on to its target if it has one.
    UNSUBSCRIBE = "unsubscribe"
    #: Shows the mail in a browser.
    MIRROR = "mirror"
    #: An invisible picture that counts an opening.
    PIXEL = "pixel"


#: Gives the URL of one mail's link of a kind to a target ("" for none), or "" for no link. The URL is written as it
#: is: it must hold neither quote, `&`, `<`, `>` nor blank.
Links = Callable[[LinkKind, str], str]


def none(kind: LinkKind, target: str) -> str:
    """The `Links` of what has no recipient to follow them, such as a subject or a preview: nothing."""
    return ""


def url_of(argument: str, *, html: bool) -> str:
    """The address that an argument means, or "" when it is none of the web. In HTML, its references are decoded."""
    url = _REFERENCE.sub(lambda reference: unescape(reference[0]), argument) if html else argument
    return url if _WEB.match(url) else ""


def follow(links: Links, kind: LinkKind, pieces: Iterable[str], html: bool) -> str:
    """The link to the target that `pieces` make; the argument itself when it is no address of the web.

    Raises RenderLimit, before it is built, for a target of more than LONGEST_TARGET characters.
    """
    argument = "".join(_bounded(pieces)).strip()
    url = url_of(argument, html=html)
    return links(kind, url) if url else argument


def _bounded(pieces: Iterable[str]) -> Iterator[str]:
    room = LONGEST_TARGET
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            raise errors.RenderLimit(f"A link's target is longer than {LONGEST_TARGET} characters.")
        yield piece


def pixel(links: Links) -> str:
    """The tag of the invisible picture, or nothing when there is no link to it."""
    url = links(LinkKind.PIXEL, "")
    return _PIXEL % url if url else ""


def untracked(links: Links, *, html: bool) -> Links:
    """`links` without what only counts: clicks lead straight to their targets, and there is no picture."""

    def follow_directly(kind: LinkKind, target: str) -> str:
        if kind is LinkKind.CLICK:
            return escape(direct(target)) if html else direct(target)
        return "" if kind is LinkKind.PIXEL else links(kind, target)

    return follow_directly


def direct(target: str) -> str:
    """An address of the web as a link that tracks nothing: what would end an attribute is percent-encoded."""
    return _UNSAFE.sub(lambda found: quote(found[0]), target)


def texts(pieces: Iterable[object], text: Callable[[object], str]) -> list[str]:
    """Each piece as text; `text` is asked for those that are none."""
    return [piece if type(piece) is str else text(piece) for piece in pieces]
