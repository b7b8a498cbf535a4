"""One message said over the native API, the four foreign wires and SMTP: the same mail, and one ledger."""

import email
import email.policy
import json

import pytest
from django.test import Client
from django.utils import timezone

from earwig import accounts, api_keys, domains
from earwig.models import ContactDetail, Domain, Person
from earwig.models.api_keys import Scope
from spooling import attempts, ledger, limits, routers, spoolers
from spooling.models import Mail, Router
from spooling.models.spoolers import Lane
from tests import drains, smtp_servers, submission_servers

DOMAIN, TO = "shop.example", "ann@people.example"
AUTHOR = f"news@{DOMAIN}"
SUBJECT = "Your order – 12 €"
TEXT = "Hello Ann,\n\nit left today.\n"
HTML = "<p>Hello <b>Ann</b>,</p><p>it left today.</p>"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(settings):
    settings.REQUIRE_HTTPS = False
    settings.HANDOFF_FROM = f"Shop <{AUTHOR}>"
    spoolers._streams.clear()
    limits._rooms.clear()
    account = accounts.open_account("shop", name="Shop", email="", password="", now=timezone.now())
    domain = domains.add(account, name=DOMAIN, now=timezone.now())
    Domain.objects.filter(pk=domain.pk).update(verified_at=timezone.now())
    person = Person.objects.create(account=account, external_id="ocd-person/1", name="Ann")
    ContactDetail.objects.create(person=person, type="email", value=TO)
    return account


@pytest.fixture
def key(account):
    return api_keys.issue(account, name="tests", scopes=Scope.values, now=timezone.now()).secret


@pytest.fixture
def server():
    with smtp_servers.Server() as running:
        Router.objects.create(name="test", default=True, host="127.0.0.1", port=running.port, tls="none")
        routers._table = None
        yield running
    routers._table = None


def _post(path, body, **headers):
    return Client().post(path, json.dumps(body), content_type="application/json", headers=headers)


def say_native(key):
    body = {"from": f"Shop <{AUTHOR}>", "to": [TO], "subject": SUBJECT, "text": TEXT, "html": HTML}
    return _post("/api/v1/mails/", body, Authorization=f"Bearer {key}")


def say_octosend(key):
    body = {
        "fromEmail": AUTHOR,
        "fromName": "Shop",
        "toEmail": TO,
        "subject": SUBJECT,
        "parts": [{"type": "text/plain", "content": TEXT}, {"type": "text/html", "content": HTML}],
    }
    path = f"/api/3.0/domain/{DOMAIN}/transactional/send-mail"
    return _post(path, body, **{"X-RMTA-API-Key": key})


def say_smtpeter(key):
    body = {
        "recipient": TO,
        "from": f"Shop <{AUTHOR}>",
        "to": TO,
        "subject": SUBJECT,
        "text": TEXT,
        "html": HTML,
        "trackclicks": False,
        "trackopens": False,
    }
    return _post(f"/v1/send?access_token={key}", body)


def say_relay(key):
    body = {
        "from_email": AUTHOR,
        "from_name": "Shop",
        "recipients": [{"email": TO, "type": "to"}],
        "subject": SUBJECT,
        "text": TEXT,
        "html": HTML,
        "skip_track_opens": True,
        "skip_track_clicks": True,
    }
    return _post("/accounts/shop/messages", body, Authorization=f"Bearer {key}")


def say_handoff(key):
    sender = {"email": "joe@people.example", "name": "Joe", "ttl": 10}
    fields = {
        "key": key,
        "type": "private",
        "subject": SUBJECT,
        "message": TEXT,
        "sender": json.dumps(sender),
    }
    return Client().post("/message/", {**fields, "recipients": "ocd-person/1"})


def say_smtp(key):
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["From"], message["To"], message["Subject"] = f"Shop <{AUTHOR}>", TO, SUBJECT
    message.set_content(TEXT)
    message.add_alternative(HTML, subtype="html")
    with submission_servers.running(submission_servers.plan()) as plan:
        with submission_servers.client(plan.submission[0], "shop", key) as client:
            assert client.send_message(message) == {}


#: By the wire that a submission names.
SAYINGS = {
    "native": say_native,
    "octosend": say_octosend,
    "smtpeter": say_smtpeter,
    "relay": say_relay,
    "smtp": say_smtp,
    "handoff": say_handoff,
}


def shown(message):
    """What a recipient sees of a mail."""
    parsed = email.message_from_bytes(message.data, policy=email.policy.default)
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    return {
        "from": str(parsed["From"]),
        "to": [address.addr_spec for address in parsed["To"].addresses],
        "subject": str(parsed["Subject"]),
        "text": text.get_content().replace("\r\n", "\n").strip(),
        "html": html.get_content().strip(),
    }


def test_one_message_over_all_wires_and_smtp_is_the_same_mail_in_one_ledger(account, key, server):
    for say in SAYINGS.values():
        answer = say(key)
        assert answer is None or answer.status_code < 300, answer.content
    attempts.spool_due(timezone.now())
    drains.run(Lane.TRANSACTIONAL)

    wires = Mail.objects.order_by("id").values_list("submission__wire", flat=True)
    assert sorted(wires) == sorted(SAYINGS)
    assert server.recipients() == [TO] * len(SAYINGS)
    *others, handed_over = [shown(message) for message in _in_order(server)]
    same = {
        "from": f"Shop <{AUTHOR}>",
        "to": [TO],
        "subject": SUBJECT,
        "text": TEXT.strip(),
        "html": HTML.strip(),
    }
    assert others == [same] * len(others)
    # A handed-over message stands in a letter of the installation's.
    assert SUBJECT in handed_over["text"] and "it left today." in handed_over["text"]
    assert handed_over["from"] == f"Shop <{AUTHOR}>"

    figures = ledger.of_account(account.pk)
    assert figures["spooled"] == figures["delivered"] == len(SAYINGS)
    assert ledger.adds_up(figures)
    for spooler_id in Mail.objects.values_list("spooler_id", flat=True).distinct():
        assert ledger.recount(spooler_id) == ledger.of_spooler(spooler_id)


def _in_order(server):
    """What was accepted, in the order of the mails, by their return paths."""
    accepted = {message.sender.partition("@")[0]: message for message in server.accepted}
    public_ids = Mail.objects.order_by("id").values_list("public_id", flat=True)
    return [accepted[f"b-{public_id.hex}"] for public_id in public_ids]
