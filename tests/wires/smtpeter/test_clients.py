"""What existing clients send and how they read the answer, replayed by their rules (contract §7)."""

import json

import pytest

from spooling.models import Mail
from templates_app import templates
from templates_app.models import Language
from tests.wires.smtpeter.clients import Caller

PHP_JSON = "application/json"


class OfficialPackage:
    """The PHP package of 2015: looks at the code alone, and hands a decoded refusal on as an object."""

    def __init__(self, caller):
        self.caller = caller
        self.message = {}

    def send(self):
        # As json_encode writes it: \\u for what is not ASCII, \\/ for slashes.
        body = json.dumps(self.message).replace("/", "\\/").encode()
        answer = self.caller.post("send", body, PHP_JSON)
        if answer.status_code == 200:
            return True
        decoded = json.loads(answer.content)
        assert isinstance(decoded, dict)
        return decoded


class ThirdParty:
    """The client of 2022: compares the whole type, refuses an empty answer, gives none for 204."""

    def __init__(self, caller):
        self.caller = caller

    def request(self, verb, path, body=None):
        content = b"" if body is None else json.dumps(body).encode()
        type_ = "application/json" if body is not None else ""
        answer = self.caller.call(verb, path, content, type_, Accept="application/json")
        if answer.status_code == 204:
            return None
        if answer.status_code not in (200, 201, 202):
            raise RuntimeError(answer.content.decode())
        if answer.content in (b"", b"0"):
            raise RuntimeError("empty")
        return answer.json() if answer["Content-Type"] == "application/json" else answer.content.decode()

    def send(self, **body):
        return [(id, recipient) for id, recipient in self.request("POST", "send", body).items()]

    def headers(self, id):
        found, last = {}, None
        for line in self.request("GET", f"headers/{id}").splitlines():
            if line.startswith("\t"):
                found[last] += line
            elif ": " in line:
                last, _, value = line.partition(": ")
                found[last] = value
        return found


@pytest.fixture
def official(caller):
    return OfficialPackage(caller)


@pytest.fixture
def third_party(client, acme, make_key):
    return ThirdParty(Caller(client, make_key(acme, wire_settings={"smtpeter": {"send_answer": "ids"}})))


def test_the_official_package_s_own_first_test(official):
    assert "error" in official.send()


def test_the_official_package_s_readme(official):
    official.message = {
        "from": "Paweł Nowak <info@example.com>",
        "subject": "Zażółć",
        "text": "a/b",
        "html": "<p>a</p>",
        "to": ["a@x.example"],
        "cc": ["b@x.example"],
        "recipients": ["a@x.example", "b@x.example"],
        "attachments": [],
    }
    assert official.send() is True
    first, second = Mail.objects.select_related("content").order_by("id")
    assert first.content_id == second.content_id
    assert (first.content.from_name, first.content.subject) == ("Paweł Nowak", "Zażółć")
    assert first.content.text == "a/b"


@pytest.mark.parametrize("dsn", [{}, {"ret": "FULL"}, []])
def test_the_official_package_forgets_whom_to_notify(official, dsn):
    official.message = {
        "from": "info@example.com",
        "text": "a",
        "recipients": ["a@x.example"],
        "dsn": dsn,
        "envelope": None,
        "maxdelivertime": None,
    }
    assert official.send() is True


def test_a_third_party_takes_the_first_pair_of_an_answer(third_party, acme):
    draft = templates.Draft(
        name="t",
        language=Language.SMARTY,
        texts={"from_email": "info@example.com", "subject": "{$x}", "html": "<p>{$x}</p>"},
    )
    row = templates.add(acme.pk, draft=draft, now=acme.created_at)
    pairs = third_party.send(
        template=row.pk,
        to=["r@d.example"],
        recipients=["r@d.example", "b@d.example"],
        bcc=["b@d.example"],
        replyTo="q@d.example",
        data={"x": "y"},
    )
    assert [recipient for _, recipient in pairs] == ["r@d.example", "b@d.example"]
    id = pairs[0][0]
    ((again, recipient),) = third_party.request("POST", "resend", {"message": id}).items()
    assert recipient == "r@d.example" and again not in dict(pairs)
    assert isinstance(third_party.request("GET", f"html/{id}"), str)
    assert third_party.request("GET", f"text/{id}") is None
    assert third_party.request("GET", f"attachments/{id}") == []
    headers = third_party.headers(id)
    assert (headers["Subject"], headers["Reply-To"]) == ("y", "q@d.example")


def test_a_third_party_puts_the_refusal_into_its_exception(third_party):
    with pytest.raises(
        RuntimeError,
        match="You cannot send mailings from foreign.test without configuring it as sender domain",
    ):
        third_party.send(
            **{"from": "a@foreign.test"}, to=["r@d.example"], recipients=["r@d.example"], text="x"
        )


def test_a_third_party_finds_no_number_among_the_ids(third_party):
    body = {"from": "info@example.com", "recipients": [f"u{n}@d.example" for n in range(200)], "text": "x"}
    ids = [id for id, _ in third_party.send(**body)]
    assert len(set(ids)) == 200
    assert not any(id.isdecimal() or not id[0].isalpha() for id in ids)
