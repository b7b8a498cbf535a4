"""The addresses of an envelope, and what is asked for them by DSN (RFC 3461)."""

from __future__ import annotations

import re

from django.conf import settings

from earwig import errors, mailboxes
from spooling import unicode_addresses
from spooling.smtpd.dialogue import Envelope, Recipient

_NOTIFY = frozenset(("FAILURE", "SUCCESS", "DELAY"))
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_ESCAPED = re.compile(r"\+([0-9A-F]{2})")
_LONGEST_ENVID = 100
_LONGEST_ADDRESS = 320


class Malformed(ValueError):
    """A parameter of DSN is not written as RFC 3461 says."""


def take(envelope: Envelope, parameters: dict[str, str]) -> None:
    """What the sender asks for. Raises Malformed."""
    ret = parameters.get("RET", "").upper()
    if ret not in ("", "FULL", "HDRS"):
        raise Malformed
    envelope.envid = _from_xtext(parameters.get("ENVID", ""))
    if len(envelope.envid) > _LONGEST_ENVID:
        raise Malformed
    envelope.ret = ret


def address(written: str, *, strict: bool) -> str:
    """The address; what comes back to us is compared as it is. Raises InvalidAddress."""
    if not written.isprintable() or len(written) > _LONGEST_ADDRESS:
        raise errors.InvalidAddress
    return mailboxes.normal(written) if strict else written


def recipient(written: str, parameters: dict[str, str], *, strict: bool) -> Recipient:
    """Of one RCPT. Raises InvalidAddress and Malformed."""
    # Every server has one (RFC 5321 §4.5.1).
    local_only = written.lower() == "postmaster" and not strict
    email = f"postmaster@{settings.INBOUND_HOST}" if local_only else address(written, strict=strict)
    words = parameters.get("NOTIFY", "").upper().split(",") if parameters.get("NOTIFY") else []
    if words != ["NEVER"] and not _NOTIFY.issuperset(words):
        raise Malformed
    orcpt = _original(parameters["ORCPT"]) if "ORCPT" in parameters else ""
    return Recipient(
        email=email, notify=",".join(dict.fromkeys(words)), orcpt="" if orcpt == email else orcpt
    )


def _original(parameter: str) -> str:
    """The address that the sender first wrote to (RFC 3461 §4.2, RFC 6533 §3); of other types nothing is kept.

    Raises Malformed.
    """
    kind, _, written = parameter.partition(";")
    if not written:
        raise Malformed
    kinds = {"rfc822": _from_xtext, "utf-8": _from_unicode}
    original = kinds[kind.lower()](written) if kind.lower() in kinds else ""
    if len(original) > mailboxes.MAX_EMAIL:
        raise Malformed
    return original


def _from_unicode(text: str) -> str:
    original = unicode_addresses.plain(text)
    # A backslash that is left began no number.
    if not original.isprintable() or "\\" in original:
        raise Malformed
    return original


def _from_xtext(text: str) -> str:
    """RFC 3461 §4; of what it stands for, only ASCII that can be seen is taken. Raises Malformed."""
    if not _XTEXT.fullmatch(text):
        raise Malformed
    decoded = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    if not (decoded.isascii() and decoded.isprintable()):
        raise Malformed
    return decoded
