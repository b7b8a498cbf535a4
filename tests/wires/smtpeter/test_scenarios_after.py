"""The acceptance scenarios of the contract (§9) about what comes after: events, templates, failures."""

import base64
import csv
import hashlib
import io
import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from django.utils import timezone

from earwig import dkim_keys, domains
from spooling import routers
from spooling.models import Mail, Router
from spooling.outbox import public_ids
from spooling.webhooks import turns
from stats.models import Event
from tests import drains, event_horizon, http_servers
from tests.smtp_scripts import Script, say
from tests.smtp_servers import Server
from tests.wires.smtpeter.clients import refused

pytestmark = pytest.mark.django_db(transaction=True)

SEED = {
    "recipient": "john@doe.com",
    "subject": "This is the subject",
    "html": "This is example content",
    "from": "info@example.com",
    "tags": ["blue", "red"],
}


def id_of_the_mail():
    return public_ids.letter_first(Mail.objects.get().public_id)


def test_smtpeter_17_events_of_a_day(caller):
    caller.post("send", SEED)
    Event.objects.update(at=datetime(2022, 2, 8, 23, 59, 59, tzinfo=UTC))
    path = f"events/messageid/{id_of_the_mail()}"
    assert refused(caller.get(path, query={"start": "2022-02-08", "end": "2022-02-08"}))[0] == 400
    answer = caller.get(path, query={"start": "2022-02-08", "end": "2022-02-09"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    (event,) = answer.json()
    assert (event["event"], event["tags"]) == ("attempt", "blue;red")
    assert event["time"] == event["data"]["time"] == "2022-02-08 23:59:59"


def test_smtpeter_18_tags_that_nobody_gave(caller):
    answer = caller.get("events/tags/nothing;found")
    assert (answer.status_code, answer.content) == (200, b"[]")


def test_smtpeter_19_templates_are_listed_shown_and_added(caller):
    for number in range(3):
        caller.post("template", {"name": f"t{number}", "subject": "s", "html": "x"})
    listed = caller.get("templates/0/2").json()
    assert [list(each) for each in listed] == [["id", "name"]] * 2
    shown = caller.get(f"template/{listed[1]['id']}").json()
    names = {"name", "from", "subject", "text", "content", "background", "font", "internals", "version"}
    assert names <= shown.keys() and shown["content"] == "x"
    answer = caller.post("template/html", {"name": "t", "subject": "s", "html": "<p>Hi</p>"})
    number = answer.json()["id"]
    assert (answer.status_code, answer.json()) == (201, {"id": number})
    assert f"/v1/template/{number}/html?" in answer["Location"]


@pytest.fixture
def refusing(db):
    """The installation's mail leaves to a server that knows no recipient."""
    with Server(Script(stages={"rcpt": say("550 5.1.1 no such user")})) as server:
        Router.objects.create(name="test", default=True, host="127.0.0.1", port=server.port, tls="none")
        routers._table = None
        yield server
    routers._table = None


@pytest.fixture
def receiver(settings):
    """Takes what webhooks tell, and shows the file that it was asked to."""
    settings.EARWIG_ALLOW_PRIVATE_TARGETS = ["127.0.0.0/8"]
    files = {}

    def answer(request):
        found = files.get(request.path)
        return (200, {}, found) if request.method == "POST" or found else (404, {}, b"")

    with http_servers.serving(lambda request: (answer(request)[0], {}, answer(request)[2] or b"")) as running:
        running.files = files
        yield running


def tell():
    event_horizon.wait()
    turns.start_due(now=timezone.now())
    turns.wait()


def test_smtpeter_20_a_refusal_is_logged_shown_and_told(caller, acme, refusing, receiver):
    domains.make_key(acme.domains.get(), algorithm="rsa-sha256", selector="s1", now=timezone.now())
    event_horizon.wait()
    hook = caller.post("webhook", {"type": "failure", "url": f"{receiver.url}/hooks/in"}).json()
    receiver.files[f"/hooks/{hook['file']}"] = hook["content"].encode()
    caller.post("send", SEED)
    drains.run("transactional")
    number = id_of_the_mail()

    (row,) = failures(caller)
    assert (row["id"], row["code"], row["state"], row["attempt"]) == (number, "550", "rcpt", 0)
    assert (row["status"], row["recipient"], row["tags"]) == ("5.1.1", "john@doe.com", "blue;red")
    event = caller.get(f"events/messageid/{number}").json()[-1]
    assert (event["event"], event["data"]) == ("failure", row)

    tell()
    (call,) = [asked for asked in receiver.asked if asked.method == "POST"]
    told = json.loads(call.body)
    assert (told["id"], told["type"], told["code"], told["state"]) == (number, "failure", 550, "rcpt")
    assert caller.get("webhooks").json()[0]["verified"] is True
    require_signed(call, acme)


def failures(caller):
    day = timezone.now().astimezone(UTC).date()
    name = f"failures.{day}.log"
    assert name in caller.get(f"logfiles/{day}").json()
    rows = caller.get(f"logfiles/{name}/json").json()
    plain = csv.reader(io.StringIO(caller.get(f"logfiles/{name}").content.decode(), newline=""))
    assert list(plain) == [[str(value) for value in row.values()] for row in rows]
    return rows


def require_signed(call, acme):
    """Raises InvalidSignature."""
    headers = {name.lower(): value for name, value in call.headers.items()}
    assert headers["digest"] == f"SHA-256={base64.b64encode(hashlib.sha256(call.body).digest()).decode()}"
    fields = dict(pair.split("=", 1) for pair in headers["signature"].split(","))
    said = {name: value.strip('"') for name, value in fields.items()}
    assert said["keyId"] == "s1._domainkey.example.com"
    values = {**headers, "(request-target)": f"post {call.path}"}
    signed = "\n".join(f"{name}: {values[name]}" for name in said["headers"].split())
    key = serialization.load_pem_public_key(dkim_keys.public_pem(acme.domains.get().dkim_keys.get()).encode())
    key.verify(base64.b64decode(said["signature"]), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
