"""Mails that fail, and the reports on them."""

from django.utils import timezone

from spooling.inbound import failures
from spooling.models import Mail
from spooling.outbox.drafts import NewContent
from stats.models import Event, EventKind
from tests import drains, event_horizon, outbox_states
from tests.spooling.inbound import returned

OWNER = "owner@client.example"
ANN = "ann@x.example"
CONTENT = NewContent(from_email="shop@sender.example", subject="Your order", text="It left.\n")


def refuse(mail, reply="5.1.1 no", code=550):
    """It fails, as if a server had said so."""
    outbox_states.put(Mail.objects.filter(pk=mail.pk), state="failed", ended_at=timezone.now())
    Event.objects.create(
        account_id=mail.account_id,
        spooler_id=mail.spooler_id,
        mail_id=mail.pk,
        destination="x.example",
        provider="other",
        lane=mail.lane,
        kind=EventKind.FAILED,
        at=timezone.now(),
        detail={"code": code, "reply": reply, "stage": "rcpt"},
    )


def tell():
    """As the control tick does, once all that is committed can be read."""
    event_horizon.wait()
    return failures.tell(now=timezone.now())


def reports():
    return Mail.objects.filter(submission__wire=failures.WIRE).order_by("pk")


def delivered_reports(server):
    """Those that arrived at the server of the envelope sender."""
    drains.run("transactional")
    return [each for each in server.accepted if each.recipient == OWNER]


def the_report(server):
    (arrived,) = delivered_reports(server)
    return returned.read(arrived.data)
