"""What the events of a mail's moves add to the figures, and what they end."""

from datetime import timedelta

import pytest
from django.utils import timezone

from spooling import hosts
from spooling.models import LedgerDelta, Mail
from spooling.models.mails import MailState
from spooling.outbox import claims, moves, settlements
from spooling.outbox.values import Order, Result
from stats import events
from stats.models import EventKind

pytestmark = pytest.mark.django_db


@pytest.fixture
def settle(spool):
    """Call with kinds to claim one mail and settle it so, once each; answers its (kind, ends, router, ended router)."""
    (accepted,) = spool("a@x.example")

    def call(*steps):
        for kind, router in steps:
            _settle(kind, router)
        told = events.of_mail(accepted.id).exclude(kind="spooled")
        return list(told.values_list("kind", "ends", "router", "ended_router"))

    return call


def _settle(kind, router):
    now = timezone.now() + timedelta(days=1)
    order = Order(lane="transactional", provider="other", worker=hosts.new_worker(), size=9, lease_seconds=60)
    batch = claims.claim(order, now=now)
    (mail,) = batch.mails
    state = {"tempfail": "waiting", "": "waiting"}.get(kind, kind)
    result = Result(mail.id, batch.claim_id, state, kind, 250, "said", 1)
    settlements.settle([result], router_id=None, router_name=router, now=now)


def test_a_delivery_at_once_ends_nothing(settle):
    assert settle(("delivered", "north")) == [("delivered", "", "north", "")]


def test_a_delivery_ends_the_deferral_before_it_under_that_ones_router(settle):
    assert settle(("tempfail", "north"), ("tempfail", "south"), ("delivered", "south")) == [
        ("tempfail", "", "north", ""),
        ("tempfail", "tempfail", "south", "north"),
        ("delivered", "tempfail", "south", "south"),
    ]


def test_what_was_put_back_untouched_is_as_deferred_as_before(settle):
    told = settle(("tempfail", "north"), ("", "north"), ("failed", "south"))
    assert told[-1] == ("failed", "tempfail", "south", "north")


def test_a_doubt_ends_a_deferral_and_what_follows_ends_nothing(settle):
    told = settle(("tempfail", "north"), ("in_doubt", "north"))
    assert told[-1] == ("in_doubt", "tempfail", "north", "north")
    move = moves.Move(
        source=MailState.IN_DOUBT, target=MailState.QUARANTINED, kind=EventKind.QUARANTINED, why="held"
    )
    moves.apply(move, [Mail.objects.get().pk], now=timezone.now())
    assert settle()[-1] == ("quarantined", "", "", "")


@pytest.mark.parametrize("state", ["failed", "quarantined"])
def test_a_retry_ends_what_the_mail_had_come_to(settle, state):
    settle(("tempfail", "north"), (state, "south"))
    moves.retry(Mail.objects.all(), why="asked", now=timezone.now())
    assert settle(("delivered", "south"))[-2:] == [
        ("requeued", state, "", "south"),
        ("delivered", "", "south", ""),
    ]


def test_a_deferred_mail_that_is_cancelled_is_no_longer_deferred(settle):
    settle(("tempfail", "north"))
    moves.cancel(Mail.objects.get(), now=timezone.now())
    assert settle()[-1] == ("cancelled", "tempfail", "", "north")


def test_the_ledger_counts_deferrals_beside_its_balance(settle):
    settle(("tempfail", "north"), ("tempfail", "north"), ("delivered", "north"))
    assert sum(LedgerDelta.objects.values_list("deferrals", flat=True)) == 2
