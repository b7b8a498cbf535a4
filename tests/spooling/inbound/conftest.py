"""A mail that went out, and ways to hand back what came of it."""

import pytest
from django.utils import timezone

from spooling import inbound
from spooling.models import Content, IncomingMail, Mail
from stats.models import Event
from tests import outbox_states

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


def return_path(mail):
    return f"b-{mail.public_id.hex}@{HOST}"


def events_of(mail, kind):
    return list(Event.objects.filter(mail_id=mail.pk, kind=kind).order_by("id"))


def handle(mail, **handling):
    Content.objects.filter(pk=mail.content_id).update(handling=handling)
