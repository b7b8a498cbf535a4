"""Reads mail addresses as clients write them: `a@b`, `Name <a@b>`. Pure; asks no DNS."""

from __future__ import annotations

import re

import email_validator

from earwig import errors

MAX_NAME = 200
#: A path has 256 octets with its brackets (RFC 5321 §4.5.3.1.3).
MAX_EMAIL = 254

_ORDINARY = re.compile(
    r"(?=.{1,64}@)[A-Za-z0-9_%+'-]+(?:\.[A-Za-z0-9_%+'-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)
#: Of `Name <a@b>`, every character of the name escaped.
_MAX_TEXT = 2 * MAX_NAME + MAX_EMAIL + 100
# No two parts match the same blanks: else a long run of them would take a time that grows with its cube.
_NAMED = re.compile(r'(?:"((?:[^"\\]|\\.)*)"[ \t]*|([^<>"]*))<([^<>\s]+)>')
_ESCAPED = re.compile(r"\\(.)")
_BREAK = re.compile("[\r\n\0]")


def parse(text: str) -> tuple[str, str]:
    """(name, address) of `a@b` or `Name <a@b>`; the name may be empty. Raises InvalidAddress."""
    if "<" not in text:
        return "", normal(text.strip(" "))
    text = text.strip(" \t")
    match = _NAMED.fullmatch(text) if len(text) <= _MAX_TEXT else None
    if match is None:
        raise errors.InvalidAddress
    quoted, plain, email = match.groups()
    name = _ESCAPED.sub(r"\1", quoted) if quoted is not None else plain
    return checked_name(name.strip(" ")), normal(email)


def checked_name(name: str) -> str:
    """The name, if it fits a header and the outbox. Raises InvalidAddress."""
    if len(name) > MAX_NAME:
        raise errors.InvalidAddress(f"A name has at most {MAX_NAME} characters.")
    if not name.isprintable() and _BREAK.search(name):
        raise errors.InvalidAddress("A name holds no line breaks and no null characters.")
    return name


def normal(email: str) -> str:
    """The address with its domain in lower case and A-labels; the local part as written (RFC 5321 §2.4).

    Raises InvalidAddress: syntax of RFC 5322 without quoted local parts, lengths of RFC 5321, IDNA 2008,
    and a domain of two labels or more.
    """
    if len(email) > MAX_EMAIL:
        raise errors.InvalidAddress(f"An address has at most {MAX_EMAIL} characters.")
    if _ORDINARY.fullmatch(email):
        return email
    local, _, domain = email.rpartition("@")
    email = f"{local}@{domain.lower()}"
    return email if _ORDINARY.fullmatch(email) else _unusual(email)


def _unusual(email: str) -> str:
    try:
        valid = email_validator.validate_email(
            email, check_deliverability=False, globally_deliverable=False, strict=True
        )
    except email_validator.EmailNotValidError as error:
        raise errors.InvalidAddress(str(error)) from None
    result = f"{valid.local_part}@{valid.ascii_domain}"
    if "." not in (valid.ascii_domain or "") or len(result.encode()) > MAX_EMAIL:
        raise errors.InvalidAddress
    return result
