"""How a message names its sender and its recipients: a name alone, an address, or both. Pure."""

from __future__ import annotations

import re

from earwig import errors, mailboxes

#: Of the address at the spooler's domain that a sender's name alone gets.
LOCAL_PART = "news"

_BREAKS = re.compile("[\r\n\0]+")
_EMAIL_TAG = re.compile(r"\{\{[ \t]*email[ \t]*\}\}")
_BRACKETED = re.compile(r'\s*(?:"(?P<quoted>[^"]*)"|(?P<plain>[^<>"]*?))\s*<(?P<email>[^<>]*)>\s*')


def one_line(text: str) -> str:
    """The text without line breaks, which would begin another header."""
    return _BREAKS.sub("", text)


def author(text: str, *, domain: str) -> tuple[str, str]:
    """(name, address) of a sender: a name alone speaks for the domain. Raises InvalidAddress."""
    name, email = _split(text)
    if email:
        return mailboxes.checked_name(name), mailboxes.normal(email)
    if not domain:
        raise errors.InvalidAddress("A name alone needs a sending domain.")
    return mailboxes.checked_name(name), f"{LOCAL_PART}@{domain}"


def addressee(text: str) -> tuple[str, str]:
    """(template of each recipient's name, the address that all see instead of their own or "").

    Raises InvalidAddress.
    """
    name, email = _split(text)
    if email and not _EMAIL_TAG.fullmatch(email):
        if "{{" in name:
            raise errors.InvalidAddress("A name with placeholders goes with each recipient's own address.")
        return mailboxes.checked_name(name), mailboxes.normal(email)
    return ("", "") if _EMAIL_TAG.fullmatch(name) else (mailboxes.checked_name(name), "")


def reply_address(text: str) -> tuple[str, str]:
    """(name, address) of a Reply-To header. Raises InvalidAddress."""
    return mailboxes.parse(one_line(text))


def _split(text: str) -> tuple[str, str]:
    text = one_line(text).strip()
    match = _BRACKETED.fullmatch(text)
    if match is not None:
        return (match["quoted"] or match["plain"] or "").strip(), match["email"].strip()
    if "@" in text and not re.search(r"\s|\{\{", text):
        return "", text
    return text, ""
