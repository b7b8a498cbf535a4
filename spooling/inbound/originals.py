"""The mails that came in and made events of ours."""

from __future__ import annotations

from spooling.models import IncomingMail
from spooling.models.inbound import IncomingKind
from stats.models import Event, EventKind

#: What came in and made an event of this kind.
_KINDS: dict[str, tuple[str, ...]] = {
    EventKind.BOUNCE: (IncomingKind.BOUNCE,),
    EventKind.COMPLAINT: (IncomingKind.COMPLAINT,),
    EventKind.RESPONSE: (IncomingKind.REPLY, IncomingKind.AUTO_REPLY),
}


def of_event(event: Event) -> bytes:
    """The mail that told it: the last one that was there by then. Empty where none did, or where it is gone."""
    kinds = _KINDS.get(event.kind)
    if kinds is None:
        return b""
    rows = IncomingMail.objects.filter(mail_id=event.mail_id, kind__in=kinds).order_by("-received_at", "-id")
    found = rows.filter(received_at__lte=event.at).first() or rows.last()
    return bytes(found.raw) if found else b""
