"""Moves mails as a drain does that got these answers."""

from datetime import timedelta

from django.utils import timezone

from spooling import hosts
from spooling.models import Mail
from spooling.outbox import claims, settlements
from spooling.outbox.values import Order, Result

STATES = {"tempfail": "waiting"}


def settle(mail_id, *steps, router="north", code=250, reply="said"):
    """The mail is tried once for each of `steps`: kinds of events, such as `tempfail` and `delivered`."""
    for kind in steps:
        mail = Mail.objects.get(pk=mail_id)
        order = Order(
            lane=mail.lane,
            provider=mail.provider,
            spooler_id=mail.spooler_id if mail.lane == "bulk" else None,
            worker=hosts.new_worker(),
            size=1000,
            lease_seconds=60.0,
        )
        batch = claims.claim(order, now=timezone.now() + timedelta(days=3))
        results = [
            Result(each.id, batch.claim_id, *_outcome(kind if each.id == mail_id else "", code, reply))
            for each in batch.mails
        ]
        settlements.settle(results, router_id=None, router_name=router, now=timezone.now())


def _outcome(kind, code, reply):
    return STATES.get(kind, kind or "waiting"), kind, code, reply, int(bool(kind))
