"""A mail that went out, and ways to hand back what came of it."""

import dataclasses

import pytest
from django.utils import timezone

from spooling import inbound
from spooling.models import Content, IncomingMail, Mail
from spooling.outbox.drafts import Handling
from stats.models import Event
from tests import outbox_states, smtp_servers
from tests.smtp_scripts import Script, say
from tests.spooling.inbound.failing import ANN, CONTENT, OWNER

HOST = "in.earwig.example"


@pytest.fixture(autouse=True)
def _host(settings):
    settings.INBOUND_HOST = HOST
    settings.HANDOFF_FROM = f"Message hub <hub@{HOST}>"


@pytest.fixture
def sent(spool):
    """Call with an address for a mail to it that its server took."""

    def call(email="ann@x.example", **more):
        (accepted,) = spool(email, **more)
        mails = Mail.objects.filter(pk=accepted.id)
        outbox_states.put(mails, state="delivered", ended_at=timezone.now())
        return mails.get()

    return call


@pytest.fixture
def arrive():
    """Call with a message and where it goes; it is taken."""

    def call(raw, to, sender="", now=None):
        raw = raw.encode() if isinstance(raw, str) else raw
        inbound.take(sender=sender, recipient=to, raw=raw, now=now or timezone.now())
        return IncomingMail.objects.order_by("-pk").first()

    return call


class Refusal:
    """What a server answers to RCPT of anybody but the owner."""

    reply = "550 5.1.1 no such user here"

    def __call__(self, stage, visit):
        return say(self.reply) if stage == "rcpt" and visit.recipient != OWNER else None


@pytest.fixture
def remote(route_to):
    with smtp_servers.Server(Script(choose=Refusal())) as server:
        route_to(server.port)
        yield server


@pytest.fixture
def submit(spool):
    """Call with how the mail is handled, and perhaps what it says, for a mail to Ann."""

    def call(*, content=CONTENT, email=ANN, **handling):
        send = {name: handling.pop(name) for name in ("lane", "spooler_id") if name in handling}
        handled = dataclasses.replace(content, handling=Handling(**{"envelope_sender": OWNER, **handling}))
        (accepted,) = spool(email, content=handled, **send)
        return Mail.objects.get(pk=accepted.id)

    return call


def return_path(mail):
    return f"b-{mail.public_id.hex}@{HOST}"


def events_of(mail, kind):
    return list(Event.objects.filter(mail_id=mail.pk, kind=kind).order_by("id"))


def handle(mail, **handling):
    Content.objects.filter(pk=mail.content_id).update(handling=handling)
