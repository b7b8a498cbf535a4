"""Scenarios of the contract (§23) whose mails leave: a real drain, a real SMTP server, and the links that arrive."""

import base64
import email
import email.policy
import re
import time
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from spooling import ledger, limits, routers, spoolers
from spooling.delivery.drain import Drain
from spooling.models import Mail, Router, Spooler
from stats.models import Event
from tests import smtp_servers
from tests.wires.octosend.clients import refused
from tests.wires.octosend.conftest import DEMO

pytestmark = pytest.mark.django_db(transaction=True)

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}


@pytest.fixture
def server(db):
    """Where the installation's mail leaves to."""
    for remembered in (limits._rooms, spoolers._streams):
        remembered.clear()
    with smtp_servers.Server() as running:
        Router.objects.create(name="test", default=True, host="127.0.0.1", port=running.port, tls="none")
        routers._table = None
        yield running
    routers._table = None


def drain(lane, seconds=30.0):
    over_at = time.monotonic() + seconds
    Drain(lane, seconds=seconds, stop=lambda: time.monotonic() > over_at or not _undone(lane)).run()


def _undone(lane):
    return Mail.objects.filter(
        lane=lane, state__in=["waiting", "sending"], due_at__lte=timezone.now()
    ).exists()


def received(server, address):
    data = next(each.data for each in server.accepted if each.recipient == address)
    return email.message_from_bytes(data, policy=email.policy.default)


def body(message, kind):
    return message.get_body([kind]).get_content().replace("\r\n", "\n")


def arrived(caller, path, kind, number):
    """The events of a kind, once there are so many: they wait for older transactions, also of other databases."""
    over_at = time.monotonic() + 15
    while len(found := caller.post(path, {"event": kind}).json()) < number and time.monotonic() < over_at:
        time.sleep(0.05)
    return found


@pytest.fixture
def tell(caller):
    """Call with a spooler's token to tell its message; answers the tokens of its parts."""

    def call(token, html="<p>{{firstname}}</p>", text="Dear {{firstname}}", **message):
        parts = [
            caller.post(f"spooler/{token}/resources/part", {"type": type, "content": content}).json()
            for type, content in (("text/html", html), ("text/plain", text))
        ]
        told = {"sender": "Shop", "subject": "Hi {{firstname}}", "parts": parts} | message
        assert caller.post(f"spooler/{token}/message", told).status_code == 200
        return parts

    return call


def spool(caller, token, *mails):
    answer = caller.post(f"spooler/{token}/spool", {"mails": list(mails)})
    assert answer.status_code == 200, answer.content
    return answer.json()["mails"]


def test_scenario_19_drafts_leave_at_once_and_stand_in_no_figure(caller, shop, token, tell, server):
    tell(token)
    start = int((timezone.now() + timedelta(days=1)).timestamp())
    caller.post(f"spooler/{token}/start", {"start": start})
    mails = [{"email": f"d{n}@x.example", "variables": {"firstname": f"D{n}"}} for n in range(11)]
    assert refused(caller.post(f"spooler/{token}/draft", {"mails": mails})) == (400, "too-many-drafts")
    assert caller.post(f"spooler/{token}/draft", {"mails": mails[:10]}).status_code == 200
    drain("transactional")
    assert sorted(server.recipients()) == [f"d{n}@x.example" for n in range(10)]
    assert received(server, "d3@x.example")["Subject"] == "Hi D3"
    assert caller.post(f"spooler/{token}/mails/count").json() == 0
    result = caller.post(f"statistics/spooler/{token}", []).json()
    assert not any(figure for family in result.values() for figure in family.values())
    assert not Event.objects.exists()
    assert ledger.of_spooler(Spooler.objects.get(type="draft").pk)["delivered"] == 10
    assert caller.spooler(token)["state"] == "new"


def test_scenario_21_mails_leave_when_the_start_has_come_and_then_it_is_finished(caller, token, tell, server):
    tell(token)
    spool(caller, token, {"email": "a@x.example", "variables": {"firstname": "Ann"}})
    start = timezone.now() + timedelta(hours=1)
    caller.post(f"spooler/{token}/start", {"start": int(start.timestamp())})
    assert caller.post(f"spooler/{token}/ready").json()["state"] == "pending"
    drain("bulk", seconds=1.0)
    assert server.recipients() == []
    with time_machine.travel(start + timedelta(seconds=2)):
        assert caller.spooler(token)["state"] == "running"
        drain("bulk")
        spoolers.end_done(now=timezone.now())
        assert caller.spooler(token)["state"] == "finished"
    assert server.recipients() == ["a@x.example"]
    message = received(server, "a@x.example")
    assert (message["From"], message["Subject"]) == (f"Shop <news@{DEMO}>", "Hi Ann")
    assert message["List-Unsubscribe"] and message["List-Unsubscribe-Post"]
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_scenario_22_a_transactional_spooler_drains_and_finishes(caller, tell, server):
    token = caller.new("transactional")
    tell(token)
    caller.post(f"spooler/{token}/ready")
    spool(caller, token, {"email": "a@x.example"}, {"email": "a@x.example"})
    drain("transactional")
    assert caller.post(f"spooler/{token}/finish").json()["state"] == "finished"
    assert server.recipients() == ["a@x.example", "a@x.example"]


def test_scenario_22_what_is_cancelled_before_its_start_sends_nothing(caller, token, tell, server):
    tell(token)
    spool(caller, token, {"email": "a@x.example"})
    caller.post(f"spooler/{token}/start", {"start": int(timezone.now().timestamp()) + 3600})
    for move, state in (
        ("ready", "pending"),
        ("pause", "pending"),
        ("resume", "pending"),
        ("cancel", "cancelled"),
    ):
        assert caller.post(f"spooler/{token}/{move}").json()["state"] == state
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        drain("bulk", seconds=1.0)
    assert server.recipients() == []


def test_scenario_23_opens_and_clicks_are_counted_once(caller, client, token, tell, server):
    html = "<a href='{{click:http://t.example/p?a=1&amp;b=2}}'>x</a>{{pixel}} {{ lastname }}{{firstname}}"
    tell(token, html=html)
    spool(caller, token, {"email": "a@x.example", "variables": {"firstname": "{{pixel}}"}})
    caller.post(f"spooler/{token}/ready")
    drain("bulk")
    shown = body(received(server, "a@x.example"), "html")
    assert shown.strip().endswith("> {{pixel}}")
    link, picture = re.search(r"href='([^']+)'", shown)[1], re.search(r'src="([^"]+)"', shown)[1]
    path = lambda url: re.sub(r"^https?://[^/]+", "", url)  # noqa: E731
    for _ in range(2):
        assert client.get(path(picture), headers=BROWSER)["Content-Type"] == "image/gif"
    answer = client.get(path(link), headers=BROWSER)
    assert (answer.status_code, answer["Location"]) == (302, "http://t.example/p?a=1&b=2")
    result = caller.post(f"statistics/spooler/{token}", {"groupBy": "global"}).json()
    assert (result["activity"]["open"], result["activity"]["click"]) == (1, 1)
    for kind, number in (("open", 2), ("click", 1)):
        found = arrived(caller, f"events/spooler/{token}/fetch", kind, number)
        assert [event["type"] for event in found] == [kind] * number
        assert all(isinstance(event["timestamp"], int) for event in found)
    assert caller.post(f"spooler/{token}/mails/count", {"activityClicked": True}).json() == 1
    assert caller.post(f"spooler/{token}/mails/count", {"activityOpened": False}).json() == 0


def test_a_mail_says_what_it_says_differently_and_the_rest_as_the_others(caller, tell, server):
    token = caller.new("transactional")
    pdf = {"type": "application/pdf", "content": base64.b64encode(b"%PDF-").decode(), "filename": "bill.pdf"}
    file = caller.post(f"spooler/{token}/mails/resources/attachment", pdf).json()
    own = caller.post(
        f"spooler/{token}/mails/resources/part",
        {"type": "text/plain", "content": "Own {{firstname}} {{vat}}"},
    ).json()
    tell(
        token, headers={"X-A": "message", "X-B": "message", "From": "evil@x.example"}, variables={"vat": "20"}
    )
    caller.post(f"spooler/{token}/headers", {"headers": {"x-a": "spooler", "X-C": "spooler {{firstname}}"}})
    caller.post(f"spooler/{token}/variables", {"variables": {"vat": "10", "firstname": "all"}})
    spool(
        caller,
        token,
        {"email": "a@x.example", "variables": {"firstname": "Ann"}},
        {"email": "b@x.example", "parts": [own], "attachments": [file], "headers": {"X-B": "mail"}},
        {
            "email": "c@x.example",
            "subject": "Own",
            "sender": f"bills@{DEMO}",
            "recipient": "Cleo {{firstname}}",
        },
    )
    caller.post(f"spooler/{token}/ready")
    drain("transactional")
    first, second, third = (received(server, f"{name}@x.example") for name in "abc")
    assert (first["X-A"], first["X-B"], first["X-C"]) == ("message", "message", "spooler Ann")
    assert first["From"] == f"Shop <news@{DEMO}>" and first["To"] == "a@x.example"
    assert (second["X-A"], second["X-B"], second["Subject"]) == ("message", "mail", "Hi all")
    assert body(second, "plain").strip() == "Own all 20" and second.get_body(["html"]) is None
    (attached,) = second.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("bill.pdf", b"%PDF-")
    assert (third["Subject"], third["From"]) == ("Own", f"bills@{DEMO}")
    assert third["To"] == "Cleo all <c@x.example>"
    assert body(third, "plain").strip() == "Dear all"


def test_the_attachments_of_the_message_go_to_all(caller, tell, server):
    token = caller.new("transactional")
    file = {"type": "text/plain", "content": base64.b64encode(b"Terms").decode(), "filename": "terms.txt"}
    attached = caller.post(f"spooler/{token}/resources/attachment", file).json()
    tell(token, attachments=[attached], recipient="everybody@list.example")
    spool(caller, token, {"email": "a@x.example"}, {"email": "b@x.example"})
    (preview,) = caller.post(f"spooler/{token}/preview").json()["mails"]
    assert preview["attachments"] == [{"type": "text/plain", "filename": "terms.txt", "size": 5}]
    caller.post(f"spooler/{token}/ready")
    drain("transactional")
    for address in ("a@x.example", "b@x.example"):
        message = received(server, address)
        assert [part.get_content() for part in message.iter_attachments()] == ["Terms"]
        assert message["To"] == "everybody@list.example"


def test_a_single_mail_is_sent_for_its_domain(caller, server):
    letter = {
        "fromEmail": "shop@shop.example",
        "fromName": "Shop",
        "toEmail": "a@x.example",
        "toName": "Ann",
        "subject": "Order {{email}}",
        "parts": [{"type": "text/html", "content": "<a href='{{click:http://t.example/}}'>x</a>{{pixel}}"}],
    }
    plain = letter | {"toEmail": "b@x.example", "tracking": False}
    sent = [caller.post(f"domain/{DEMO}/transactional/send-mail", each).json() for each in (letter, plain)]
    drain("transactional")
    tracked, untracked = received(server, "a@x.example"), received(server, "b@x.example")
    assert (tracked["From"], tracked["To"]) == ("Shop <shop@shop.example>", "Ann <a@x.example>")
    assert tracked["Subject"] == "Order a@x.example"
    assert "/t/c/" in body(tracked, "html") and "<img" in body(tracked, "html")
    assert body(untracked, "html").strip() == "<a href='http://t.example/'>x</a>"
    found = arrived(caller, f"events/domain/{DEMO}/fetch", "ok", 2)
    assert {event["mail"] for event in found} == {each["id"] for each in sent}
    assert {event["spooler"] for event in found} == {None}
