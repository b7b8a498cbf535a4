"""Variables are bounded alike on every wire: one too many is refused by its field and stores nothing, and what is
within the bound is rendered. Hostile JSON is refused before it takes long.
"""

import email
import email.policy
import json

import pytest
from django.utils import timezone

from earwig import domains, variables
from earwig.models import Person
from spooling import limits, routers, spoolers
from spooling.models import Content, Mail, Router, Spooler, SpoolerMessage
from templates_app import templates
from tests import costs, drains, smtp_servers

NOW = timezone.now()
NAME = "Ada"
LARGEST_BODY = 30 * costs.MEBIBYTE
#: Every wire reads a body in two seconds or three; work by the value would take a minute.
MOST_SECONDS = 10


def many(count):
    """As many values."""
    return {"name": NAME, "list": [1] * (count - 2)}


def deep(levels):
    """As many levels."""
    inner = []
    for _ in range(levels - 2):
        inner = [inner]
    return {"name": NAME, "list": inner}


def large(size):
    """As many bytes as JSON."""
    return {"name": NAME, "text": "x" * (size - len('{"name":"Ada","text":""}'))}


def too_much(size):
    return {
        "values": many(variables.MOST_VALUES + 1),
        "levels": deep(variables.MOST_LEVELS + 1),
        "size": large(size + 1),
    }


def most(size):
    return [many(variables.MOST_VALUES), deep(variables.MOST_LEVELS), large(size)]


@pytest.fixture
def site(account, key, client, settings, monkeypatch):
    """The programs of an account that has sender.example."""
    settings.REQUIRE_HTTPS = False
    domain = domains.add(account, name="sender.example", now=NOW)
    domain.verified_at = NOW
    domain.save(update_fields=["verified_at"])
    for remembered in (limits._rooms, spoolers._streams):
        remembered.clear()
    monkeypatch.setattr(routers, "_table", None)
    draft = templates.Draft(
        name="t",
        language="mustache",
        texts={
            **{"from_email": "shop@sender.example", "from_name": "", "subject": "Hello"},
            **{"html": "", "text": "Dear {{name}}."},
        },
    )
    return Site(client, key, templates.add(account.pk, draft=draft, now=NOW))


class Site:
    def __init__(self, client, key, template):
        self.client, self.key, self.template = client, key, template

    def post(self, path, body, verb="POST"):
        """`body` as JSON, bytes as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Token {self.key}", "X-RMTA-API-Key": self.key}
        if path.startswith("/v1/"):
            path += f"?access_token={self.key}"
        return self.client.generic(verb, path, content, content_type="application/json", headers=headers)

    def campaign(self):
        return self.post("/api/v1/spoolers/", {"name": "spring"}).json()["token"]

    def octosend(self, kind="marketing"):
        return self.post("/api/3.0/spoolers/create", {"domain": "sender.example", "type": kind}).json()[
            "token"
        ]


SHARED = {"from": "shop@sender.example", "subject": "Hello", "text": "Dear {{name}}."}
SMTPETER = {"from": "shop@sender.example", "subject": "Hello", "text": "Dear {$name}."}
RELAY = {"from_email": "shop@sender.example", "subject": "Hello", "text": "Dear you."}


def native(site, values):
    return site.post("/api/v1/mails/", {**SHARED, "to": ["ada@people.example"], "variables": values})


def native_second(site, values):
    letters = [{**SHARED, "to": ["joe@people.example"]}, {**SHARED, "to": ["ada@people.example"]}]
    letters[1]["variables"] = values
    letters[1]["tags"] = ["another submission"]
    return site.post("/api/v1/mails/", letters)


def native_seen_by_all(site, values):
    to = ["joe@people.example", "ada@people.example"]
    return site.post("/api/v1/mails/", {**SHARED, "to": to, "variables": values})


def native_recipient(site, values):
    people = [{"email": "joe@people.example"}, {"email": "ada@people.example", "variables": values}]
    return site.post("/api/v1/mails/", {**SHARED, "recipients": people})


def native_test(site, values):
    path = f"/api/v1/templates/{site.template.public_id.hex}/test/"
    return site.post(path, {"to": "ada@people.example", "variables": values})


def campaign_recipient(site, values):
    people = [{"email": "joe@people.example"}, {"email": "ada@people.example", "variables": values}]
    return site.post(f"/api/v1/spoolers/{site.campaign()}/recipients/", {"recipients": people})


def octosend(site, values):
    mails = [{"email": "joe@people.example"}, {"email": "ada@people.example", "variables": values}]
    return site.post(f"/api/3.0/spooler/{site.octosend()}/spool", {"mails": mails})


def smtpeter(site, values):
    people = {"joe@people.example": {}, "ada@people.example": values}
    return site.post("/v1/send", {**SMTPETER, "recipients": people})


def relay(site, values):
    people = [{"email": "joe@people.example"}, {"email": "ada@people.example", "model": values}]
    return site.post(f"/accounts/acme/templates/{site.template.public_id}/message", {"recipients": people})


OF_A_MAIL = {
    native: (0, "variables"),
    native_second: (1, "variables"),
    native_seen_by_all: (0, "variables"),
    native_recipient: (0, "recipients.1.variables"),
    native_test: (None, "variables"),
    campaign_recipient: (None, "recipients.1.variables"),
    octosend: "mails[1].variables",
    smtpeter: "recipients: ",
    relay: "recipients[1].model",
}


def smtpeter_data(site, values):
    return site.post("/v1/send", {**SMTPETER, "recipient": "ada@people.example", "data": values})


def relay_model(site, values):
    body = {"recipients": [{"email": "ada@people.example"}], "model": values}
    return site.post(f"/accounts/acme/templates/{site.template.public_id}/message", body)


def preview(site, values):
    return site.post(f"/api/v1/templates/{site.template.public_id.hex}/preview/", {"variables": values})


def campaign_variables(site, values):
    return site.post("/api/v1/spoolers/", {"name": "summer", "variables": values})


def campaign_message(site, values):
    return site.post(f"/api/v1/spoolers/{site.campaign()}/message/", {**SHARED, "variables": values}, "PUT")


def octosend_variables(site, values):
    return site.post(f"/api/3.0/spooler/{site.octosend()}/variables", {"variables": values})


def octosend_message(site, values):
    return site.post(f"/api/3.0/spooler/{site.octosend()}/message", {"variables": values})


OF_A_CONTENT = {
    smtpeter_data: "data: ",
    relay_model: "model",
    preview: (None, "variables"),
    campaign_variables: (None, "variables"),
    campaign_message: (None, "variables"),
    octosend_variables: "variables",
    octosend_message: "variables",
}
FLAT = {octosend, octosend_variables, octosend_message}


def names(answer, field):
    """Whether an error document names the field in its wire's way."""
    document = answer.json()
    if isinstance(field, tuple):
        (problem,) = document["errors"]
        return (problem["index"], problem["field"]) == field and problem["code"] in (
            "variables_refused",
            "fields_refused",
        )
    if "details" in document:
        return any(name.startswith(field) for name in document["details"]["fields"])
    if "errorCode" in document:
        return [flaw["key"] for flaw in document["errors"]] == [field]
    return document["error"].startswith(field)


def text(data):
    """What the body of a message says."""
    return email.message_from_bytes(data, policy=email.policy.default).get_content().strip()


def flat(values):
    """As the wire of texts has them."""
    if "list" not in values:
        return values
    return {"name": NAME} | {f"n{number}": "1" for number in range(len(values["list"]) + 1)}


CALLS = [(call, field, variables.OF_A_MAIL) for call, field in OF_A_MAIL.items()]
CALLS += [(call, field, variables.OF_A_CONTENT) for call, field in OF_A_CONTENT.items()]


@pytest.mark.parametrize("kind", ["values", "levels", "size"])
@pytest.mark.parametrize(("call", "field", "size"), CALLS)
def test_variables_beyond_the_bound_are_refused_by_their_field_and_store_nothing(
    site, call, field, size, kind
):
    values = too_much(size)[kind]
    answer = call(site, flat(values) if call in FLAT and kind == "values" else values)
    assert answer.status_code == 400, answer.content[:300]
    assert names(answer, field), answer.content[:300]
    assert not Mail.objects.exists() and not Content.objects.exclude(from_email="").exists()
    assert not Spooler.objects.exclude(variables={}).exists() and not SpoolerMessage.objects.exists()


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize(("call", "field", "size"), CALLS)
def test_variables_within_the_bound_are_taken(site, call, field, size, which):
    values = most(size)[which]
    answer = call(site, flat(values) if call in FLAT and which != 2 else values)
    assert answer.status_code < 300, answer.content[:300]
    if call in OF_A_MAIL:
        assert Mail.objects.get(email="ada@people.example").variables["name"] == NAME


@pytest.mark.parametrize(
    "call", [native, native_recipient, native_test, smtpeter, smtpeter_data, relay, relay_model]
)
def test_the_largest_variables_are_rendered(site, transactional_db, call):
    size = variables.OF_A_CONTENT if call in OF_A_CONTENT else variables.OF_A_MAIL
    with smtp_servers.Server() as server:
        Router.objects.create(name="test", default=True, host="127.0.0.1", port=server.port, tls="none")
        for values in most(size):
            assert call(site, values).status_code < 300
        drains.run("transactional")
    sent = [each.data for each in server.accepted if each.recipient == "ada@people.example"]
    assert [text(data) for data in sent] == ["Dear Ada."] * 3


def test_the_largest_variables_of_a_campaign_s_mail_are_previewed(site):
    token = site.octosend("transactional")
    part = site.post(
        f"/api/3.0/spooler/{token}/resources/part", {"type": "text/plain", "content": "Dear {{name}}."}
    ).json()
    said = {"sender": "Shop", "subject": "Hello", "parts": [part]}
    assert site.post(f"/api/3.0/spooler/{token}/message", said).status_code == 200
    for size, status in ((variables.OF_A_MAIL, 200), (variables.OF_A_MAIL + 1, 400)):
        mails = [{"email": "ada@people.example", "variables": large(size)}]
        answer = site.post(f"/api/3.0/spooler/{token}/preview", {"mails": mails})
        assert answer.status_code == status and (b"Dear Ada." in answer.content) == (status == 200)


@pytest.mark.parametrize("kind", ["values", "levels", "size"])
def test_attributes_of_a_person_are_bounded(site, kind):
    body = {"external_id": "1", "attributes": too_much(variables.OF_A_PERSON)[kind]}
    answer = site.post("/api/v1/people/", body)
    assert answer.status_code == 400 and names(answer, (None, "attributes"))
    assert not Person.objects.exists()


def test_the_most_attributes_of_a_person_are_kept(site):
    for number, attributes in enumerate(most(variables.OF_A_PERSON)):
        answer = site.post("/api/v1/people/", {"external_id": str(number), "attributes": attributes})
        assert answer.status_code == 201 and answer.json()["attributes"] == attributes


def test_variables_that_all_recipients_share_are_bounded_before_they_are_copied(site):
    people = [{"email": f"p{number}@people.example"} for number in range(1000)]
    body = {**SHARED, "recipients": people, "variables": large(40_000)}
    answer = site.post("/api/v1/mails/", body)
    assert answer.status_code == 400 and not Mail.objects.exists()
    assert [problem["field"] for problem in answer.json()["errors"]] == ["variables"]
    body["variables"] = large(4_000)
    assert site.post("/api/v1/mails/", body).status_code == 201


@pytest.mark.parametrize(
    "value", ["1e999", "NaN", "Infinity", "1" * 4301, '"\\ud800"', '"\\u0000"', "[" * 10_000_000]
)
@pytest.mark.parametrize(
    "call", [native, campaign_recipient, octosend, smtpeter, smtpeter_data, relay, relay_model]
)
def test_no_value_is_a_fault_of_ours(site, call, value):
    bodies = []
    site.post, post = lambda path, body, verb="POST": bodies.append((path, body, verb)), site.post
    site.octosend = site.campaign = lambda: "TOKEN"
    call(site, "HERE")
    site.post = post
    del site.octosend, site.campaign
    ((path, body, verb),) = bodies
    path = path.replace(
        "TOKEN", site.octosend() if "3.0" in path else site.campaign() if "spoolers" in path else ""
    )
    octets = json.dumps(body).replace('"HERE"', f'{{"name": {value}}}').encode()
    assert site.post(path, octets, verb).status_code == 400
    assert not Mail.objects.exists()


HOSTILE = {
    "empty objects": b"[" + b"{}," * (LARGEST_BODY // 3 - 1) + b"{}]",
    "nested objects": b"[" + b",".join([b'{"a":' * 60 + b"{}" + b"}" * 60] * (LARGEST_BODY // 363)) + b"]",
    "sparse objects": b"[" + b",".join([b'{"a":"12345678"}'] * (LARGEST_BODY // 17)) + b"]",
    "numbers": b"[" + b"1," * (LARGEST_BODY // 2 - 1) + b"1]",
    "names": b"{" + b",".join(b'"%09d":1' % number for number in range(LARGEST_BODY // 14)) + b"}",
    "depth": b"[" * LARGEST_BODY,
    "one text without an end": b'"' + b'\\"{' * (LARGEST_BODY // 3),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_json_is_refused_before_it_takes_long(site, hostile):
    value = HOSTILE[hostile]
    campaign, token = site.campaign(), site.octosend()
    places = {
        "/api/v1/mails/": b'{"from":"a@sender.example","to":["b@p.example"],"text":"x","variables":{"a":%b}}',
        f"/api/v1/templates/{site.template.public_id.hex}/preview/": b'{"variables":{"a":%b}}',
        "/api/v1/people/": b'{"external_id":"1","attributes":{"a":%b}}',
        f"/api/v1/spoolers/{campaign}/recipients/": b'{"recipients":[{"email":"b@p.example","variables":{"a":%b}}]}',
        f"/api/3.0/spooler/{token}/spool": b'{"mails":%b}',
        f"/api/3.0/spooler/{token}/headers": b'{"headers":%b}',
        f"/api/3.0/spooler/{token}/tags": b'{"tags":%b}',
        "/v1/send": b'{"from":"a@sender.example","recipient":"b@p.example","text":"x","data":{"a":%b}}',
        "/accounts/acme/messages": b'{"from_email":"a@b.example","recipients":[{"email":"b@p.example","model":%b}]}',
    }
    for path, body in places.items():

        def act(path=path, body=body % value):
            assert site.post(path, body).status_code == 400

        assert costs.seconds(act, enough=MOST_SECONDS) < MOST_SECONDS, path


def test_a_hostile_sender_of_a_handed_over_message_is_refused_at_once(client, key):
    fields = {"key": key, "type": "private", "subject": "s", "message": "m", "sender": "[" * 10_000_000}

    def act():
        answer = client.post("/message/", fields)
        assert answer.status_code == 400 and answer.content == b"invalid sender JSON"

    assert costs.seconds(act, enough=5) < 5
