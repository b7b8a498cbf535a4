"""What came back, written at the mail that it speaks of: its row, an event, a suppression. Each is done once a mail."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction

from spooling import suppressions
from spooling.inbound import classes
from spooling.inbound.classes import BounceClass
from spooling.inbound.dsn import Outcome
from spooling.models import Mail
from spooling.models.suppressions import SuppressionReason
from spooling.suppressions import Occasion
from spooling.tracking import hits
from spooling.tracking.tokens import Token
from stats import events
from stats.models import Event, EventKind


class _About(NamedTuple):
    occasion: Occasion
    #: False: a draft, of which no event tells.
    counted: bool


@transaction.atomic
def bounce(mail_id: int, outcome: Outcome, *, now: datetime) -> BounceClass:
    """The mail failed after its server had taken it; its state stays what it is.

    An address that does not exist gets no more mail, as after a refusal. Answers why it failed.
    """
    why = classes.class_of(status=outcome.status, code=outcome.code, text=outcome.text)
    about = _hold(mail_id)
    mails = Mail.objects.filter(pk=mail_id)
    first = mails.filter(bounced_at=None).update(bounced_at=now, bounce_class=why)
    if why in classes.PERMANENT:
        # Of several reports the one counts that says the most.
        mails.exclude(bounce_class__in=classes.PERMANENT).update(bounce_class=why)
    detail = {"code": outcome.code or None, "status": outcome.status, "class": why.value}
    _tell(about, EventKind.BOUNCE, first=bool(first), detail=detail, now=now)
    if why in classes.UNDELIVERABLE:
        suppressions.learn(about.occasion, reason=SuppressionReason.HARD_BOUNCE, source="bounce", now=now)
    return why


@transaction.atomic
def complain(mail_id: int, *, kind: str, now: datetime) -> None:
    """Its recipient's provider passed a complaint on, of one of RFC 5965's types: bulk mail to it ends."""
    about = _hold(mail_id)
    first = Mail.objects.filter(pk=mail_id, complained_at=None).update(complained_at=now)
    _tell(about, EventKind.COMPLAINT, first=bool(first), detail={"type": kind}, now=now)
    suppressions.learn(about.occasion, reason=SuppressionReason.COMPLAINT, source="complaint", now=now)


@transaction.atomic
def respond(mail_id: int, *, automatic: bool, now: datetime) -> None:
    """Something answered the mail: a person, or a machine."""
    about = _hold(mail_id)
    first = not Event.objects.filter(mail_id=mail_id, kind=EventKind.RESPONSE).exists()
    _tell(about, EventKind.RESPONSE, first=first, detail={"automatic": automatic}, now=now)


def _hold(mail_id: int) -> _About:
    """Locks the mail: what is told of it twice at once counts once, and an erasure comes before or after."""
    Mail.objects.select_for_update().only("pk").get(pk=mail_id)
    place = hits.find(Token(b"u", mail_id))
    return _About(place.mail, place.counted)


def _tell(about: _About, kind: EventKind, *, first: bool, detail: dict[str, Any], now: datetime) -> None:
    if about.counted:
        events.record([about.occasion.happening(kind, at=now, counts=int(first), detail=detail)])
