"""Variables are bounded alike on every wire: one too many is refused by its field and stores nothing, and what is
within the bound is rendered.
"""

import email
import email.policy

import pytest

from earwig import variables
from earwig.models import Person
from spooling.models import Content, Mail, Router, Spooler, SpoolerMessage
from tests import drains, smtp_servers
from tests.variable_calls import (
    FLAT,
    OF_A_CONTENT,
    OF_A_MAIL,
    SHARED,
    campaign_recipient,
    native,
    native_recipient,
    native_test,
    octosend,
    relay,
    relay_model,
    site,
    smtpeter,
    smtpeter_data,
)

__all__ = ["site"]

NAME = "Ada"


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
    site.here = f'{{"name": {value}}}'
    assert call(site, "HERE").status_code == 400
    assert not Mail.objects.exists()
