"""The HTML of a content, also of a complete message, written anew before it is stored. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from spooling import raw_messages, received
from spooling.delivery import quoted_printable, structure
from spooling.delivery.structure import Entity
from spooling.outbox.drafts import NewContent
from templates_app import conversions


def inlined(content: NewContent) -> NewContent:
    """The content with the rules of its style sheets at the elements; a signed one stays. Takes some 60 ms.

    Raises TemplateError and MessageUnusable.
    """
    language = content.template_language
    if not content.raw:
        return dataclasses.replace(content, html=_inlined(content.html, language))
    return changed(content, lambda message, html: _inlined(html, language))


def _inlined(html: str, language: str) -> str:
    return conversions.inlined(html, language=language) if html else ""


def changed(content: NewContent, change: Callable[[Entity, str], str]) -> NewContent:
    """The complete message with another HTML; one that is signed, or has none, stays. Raises MessageUnusable."""
    message = structure.read(content.raw)
    leaf = next(
        (leaf for leaf in message.leaves() if leaf.type == "text/html" and not leaf.is_attachment), None
    )
    if leaf is None or leaf.sealed:
        return content
    html = received.text_of(leaf.decoded(), leaf.parameters.get("charset", ""))
    made = change(message, html)
    if made == html:
        return content
    leaf.body = quoted_printable.quoted(made.replace("\r\n", "\n").replace("\n", "\r\n").encode())
    leaf.describe(
        b"Content-Type: text/html; charset=utf-8\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
    )
    read = raw_messages.read(message.octets())
    return dataclasses.replace(content, raw=read.raw, html=read.html)
