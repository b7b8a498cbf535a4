"""What tests of the outbox and of delivery start from: mails to spool, and a router to a real server on loopback."""

from datetime import timedelta

import pytest
from django.utils import timezone

from spooling import heartbeats, limits, routers, spoolers, wakeups
from spooling.models import Router
from spooling.outbox import intake

CONTENT = intake.NewContent(
    from_email="shop@sender.example", subject="Order {{order}}", text="Hello {{name}}\n"
)


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch):
    """No test inherits what a process remembers, and none wakes a worker."""
    monkeypatch.setattr(wakeups, "_send", lambda lane: None)
    for remembered in (wakeups._quiet_until, limits._rooms, spoolers._streams):
        remembered.clear()
    monkeypatch.setattr(routers, "_table", None)


@pytest.fixture
def spool(account):
    """Call with addresses to spool one mail each; answers the accepted mails."""

    def call(*emails, of=None, content=CONTENT, now=None, **send):
        mails = tuple(
            intake.NewMail(email=email, variables={"name": email, "order": str(n)})
            for n, email in enumerate(emails)
        )
        submission = intake.NewSubmission(account_id=(of or account).pk, wire="native")
        return intake.accept(
            submission, [intake.NewSend(content=content, mails=mails, **send)], now=now or timezone.now()
        )

    return call


@pytest.fixture
def campaign(account):
    """A bulk spooler that may send."""
    spooler = spoolers.open_campaign(account, name="spring", now=timezone.now())
    spoolers.ready(spooler, now=timezone.now())
    return spooler


@pytest.fixture
def workers(db):
    """A worker of each queue is at work, whatever moment a test looks at."""
    for queue in heartbeats.QUEUES:
        heartbeats.beat(queue, now=timezone.now() + timedelta(days=365))


@pytest.fixture
def route_to():
    """Call with a port on loopback to make it the default router."""

    def call(port, **fields):
        Router.objects.filter(default=True).delete()
        routers._table = None
        return Router.objects.create(
            name=f"to-{port}", host="127.0.0.1", port=port, tls="none", default=True, **fields
        )

    return call
