"""What an address of ours stands for: the mail whose return path it is, a thread, an unsubscription, a mailbox of the
installation's.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

from earwig import addresses
from earwig.messages import tokens as thread_tokens
from earwig.models import Domain
from spooling import errors
from spooling.models import Mail
from spooling.tracking import mail_addresses


class Mailbox(StrEnum):
    """What mail to an address is about."""

    #: One mail: its return path (RFC 5321 §4.4).
    RETURN_PATH = "return_path"
    #: The thread of one recipient of a handed-over message.
    THREAD = "thread"
    #: No thread, though it looks like one: it is answered that nobody reads it.
    UNMONITORED = "unmonitored"
    #: Its sender wants no more of one mail's kind.
    UNSUBSCRIBE = "unsubscribe"
    #: Complaints, by people and by providers (RFC 2142 §2, RFC 5965).
    ABUSE = "abuse"
    #: Aggregate reports on DMARC (RFC 7489 §7.2).
    DMARC = "dmarc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Of which mail or thread the address speaks, by its id here."""

    mailbox: Mailbox
    mail_id: int | None = None
    thread_id: int | None = None


#: Mailboxes by their whole local part.
_NAMED = {
    "abuse": Mailbox.ABUSE,
    "fbl": Mailbox.ABUSE,
    "postmaster": Mailbox.ABUSE,
    "dmarc": Mailbox.DMARC,
    "reply": Mailbox.UNMONITORED,
}
_RETURN_PATH = re.compile(r"b-([0-9a-f]{32})")
_THREAD = re.compile(r"reply\+([0-9]{1,18})-([0-9a-f]{1,32})")
_LONGEST = 320


def known(recipient: str) -> bool:
    """Whether mail to the address is taken. Reads the database."""
    return read(recipient) is not None


def read(recipient: str) -> Destination | None:
    """What the address stands for; None where it is none of ours. Letter case says nothing."""
    if len(recipient) > _LONGEST or "\0" in recipient:
        return None
    local, _, _ = recipient.lower().rpartition("@")
    if not is_ours(addresses.domain_of(recipient)):
        return None
    if local in _NAMED:
        return Destination(mailbox=_NAMED[local])
    return next((found for reader in _READERS if (found := reader(local)) is not None), None)


def is_ours(host: str) -> bool:
    """Whether mail to a host, in canonical form, comes in here: the installation's own, or a domain's return path."""
    if host == addresses.canonical_domain(settings.INBOUND_HOST):
        return True
    return addresses.is_domain(host) and Domain.objects.filter(return_path_host=host).exists()


def _return_path(local: str) -> Destination | None:
    found = _RETURN_PATH.fullmatch(local)
    mails = Mail.objects.filter(public_id=uuid.UUID(found[1])) if found else Mail.objects.none()
    mail_id = mails.values_list("pk", flat=True).first()
    return None if mail_id is None else Destination(mailbox=Mailbox.RETURN_PATH, mail_id=mail_id)


def _thread(local: str) -> Destination | None:
    """An id without its token, or with another's, is treated as unsolicited (handoff contract §9.1)."""
    if not local.startswith("reply+"):
        return None
    found = _THREAD.fullmatch(local)
    if found and thread_tokens.opens(found[2], thread_tokens.Purpose.THREAD, int(found[1])):
        return Destination(mailbox=Mailbox.THREAD, thread_id=int(found[1]))
    return Destination(mailbox=Mailbox.UNMONITORED)


def _unsubscription(local: str) -> Destination | None:
    try:
        mail_id = mail_addresses.mail_of(local)
    except errors.LinkUnknown:
        return None
    if not Mail.objects.filter(pk=mail_id).exists():
        return None
    return Destination(mailbox=Mailbox.UNSUBSCRIBE, mail_id=mail_id)


_READERS: tuple[Callable[[str], Destination | None], ...] = (_return_path, _thread, _unsubscription)
