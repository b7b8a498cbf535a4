"""What was submitted and fails is told to the envelope sender: a client that got its 250 hears of the rest."""

import pytest
from django.utils import timezone

from spooling import control
from spooling.models import Mail
from tests import drains, event_horizon, smtp_servers
from tests.smtp_scripts import Script, say
from tests.spooling.inbound import returned

OWNER, GONE = "owner@client.example", "gone@x.example"


@pytest.fixture
def remote(route_to):
    refusing = {GONE: {"rcpt": say("550-5.1.1 Nobody here\n550 5.1.1 of that name <gone@x.example>")}}
    with smtp_servers.Server(Script(recipients=refusing)) as server:
        route_to(server.port)
        yield server


def arrived(remote):
    """Reports at the server of the envelope sender, after all was sent and told."""
    drains.run("transactional")
    event_horizon.wait()
    for _ in range(2):
        control.tick(now=timezone.now())
    drains.run("transactional")
    return [each for each in remote.accepted if each.recipient == OWNER]


def test_a_refused_recipient_is_reported_and_the_others_are_not(submit, remote):
    reply = submit(GONE, "bob@x.example", sender=OWNER, options=["ENVID=order+2B7", "RET=HDRS"])
    assert reply[0] == 250
    (letter,) = arrived(remote)
    assert letter.sender == ""
    report = returned.read(letter.data)
    assert report.of_message["Original-Envelope-Id"] == "order+7"
    assert report.of_recipient["Final-Recipient"] == f"rfc822; {GONE}"
    assert report.of_recipient["Status"] == "5.1.1"
    assert report.of_recipient["Diagnostic-Code"].startswith("smtp; 550 5.1.1 Nobody here 5.1.1 of that name")
    assert report.flufl == (set(), {GONE.encode()})
    assert report.returned["Subject"] == "Hi" and report.returned_type == "text/rfc822-headers"
    assert report.message["In-Reply-To"] == report.returned["Message-ID"]


def test_a_message_is_returned_whole_to_the_octet(submit, remote):
    submit(GONE, sender=OWNER, options=["RET=FULL"])
    (letter,) = arrived(remote)
    report = returned.read(letter.data)
    assert report.returned_type == "message/rfc822" and report.returned.get_payload() == "Hello\r\n"


@pytest.mark.parametrize(
    ("sender", "wishes"), [("", ()), (OWNER, ["NOTIFY=NEVER"]), (OWNER, ["NOTIFY=SUCCESS,DELAY"])]
)
def test_who_does_not_want_to_hear_of_it_is_told_nothing(submit, remote, sender, wishes):
    submit(GONE, sender=sender, wishes=wishes)
    assert arrived(remote) == []
    assert Mail.objects.get().state == "failed"


def test_a_client_that_takes_bounces_itself_is_told_what_failed_with_us(submit, remote):
    message = "X-Earwig-Track-Bounces: false\r\n" + (
        "From: Ann <ann@sender.example>\r\nTo: bob@x.example\r\nSubject: Hi\r\n\r\nHello\r\n"
    )
    submit(GONE, sender=OWNER, message=message)
    assert len(arrived(remote)) == 1
