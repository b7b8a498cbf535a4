"""What fails is told to the `envelope` of a send, as its `dsn` allows (contract §2, §4.1)."""

import pytest
from django.utils import timezone

from spooling import control, routers
from spooling.models import Mail, Router
from tests import drains, event_horizon, smtp_servers
from tests.smtp_scripts import Script, say
from tests.spooling.inbound import returned
from tests.wires.smtpeter.clients import SEED

pytestmark = pytest.mark.django_db(transaction=True)

OWNER = "owner@example.com"


@pytest.fixture
def remote(db):
    """Where all mail leaves to: it knows no John."""
    script = Script(recipients={"john@doe.com": {"rcpt": say("550 5.1.1 no such user")}})
    with smtp_servers.Server(script) as server:
        Router.objects.create(name="test", default=True, host="127.0.0.1", port=server.port, tls="none")
        routers._table = None
        yield server
    routers._table = None


@pytest.mark.parametrize(
    ("dsn", "whole"),
    [
        ({}, False),
        ({"notify": "FAILURE", "ret": "HDRS"}, False),
        ({"notify": "FAILURE,DELAY", "ret": "FULL", "envid": "e1"}, True),
        ({"notify": "NEVER"}, None),
        ({"notify": "SUCCESS"}, None),
    ],
)
def test_a_failure_is_told_to_the_envelope(caller, remote, dsn, whole):
    assert caller.post("send", SEED | {"envelope": OWNER, "dsn": dsn}).status_code == 200
    drains.run("transactional")
    event_horizon.wait()
    control.tick(now=timezone.now())
    drains.run("transactional")
    assert Mail.objects.order_by("pk").first().state == "failed"
    letters = [each for each in remote.accepted if each.recipient == OWNER]
    assert len(letters) == (whole is not None)
    for letter in letters:
        report = returned.read(letter.data)
        assert letter.sender == "" and report.outcomes[0].recipients == {"john@doe.com"}
        assert (report.returned_type == "message/rfc822") == whole
        assert report.returned["Subject"] == SEED["subject"]
        assert report.of_message["Original-Envelope-Id"] == dsn.get("envid")


def test_without_an_envelope_nobody_is_told(caller, remote):
    caller.post("send", {name: value for name, value in SEED.items() if name != "envelope"})
    drains.run("transactional")
    event_horizon.wait()
    control.tick(now=timezone.now())
    assert Mail.objects.get().state == "failed"
