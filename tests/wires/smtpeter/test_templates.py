"""Templates as open documents (contract §5.5, §6.2)."""

import email
import email.policy

import pytest

from spooling.wires.smtpeter import template_drafts
from templates_app import templates
from templates_app.models import Template
from tests.wires.smtpeter.clients import FORM, Caller, refused

pytestmark = pytest.mark.django_db

DOCUMENT = {
    "name": "Welcome",
    "subject": "Hi {$name|upper}",
    "from": "Shop <info@example.com>",
    "html": "<p>Hello {$name} &amp; co</p>",
    "font": {"family": "Arial"},
}


def added(caller, **changes):
    answer = caller.post("template", DOCUMENT | changes)
    assert answer.status_code == 201
    return answer.json()["id"]


def test_a_template_comes_back_with_all_that_clients_look_for(caller):
    number = added(caller)
    assert caller.get(f"template/{number}").json() == {
        "id": number,
        **DOCUMENT,
        "text": "",
        "content": DOCUMENT["html"],
        "background": None,
        "internals": None,
        "version": None,
    }
    assert caller.get("template/Welcome/json").json()["id"] == number


def test_blocks_of_an_editor_are_kept_as_they_are(caller):
    blocks = {"blocks": [{"type": "text", "content": "{$x", "n": 1.5}], "none": None}
    number = added(caller, content=blocks, html=None, internals={"v": [1, 2]}, version=7)
    shown = caller.get(f"template/{number}").json()
    assert (shown["content"], shown["internals"], shown["version"]) == (blocks, {"v": [1, 2]}, 7)


def test_html_may_be_called_content(caller):
    number = added(caller, html=None, content="<p>{$x}</p>")
    assert caller.get(f"template/{number}").json()["content"] == "<p>{$x}</p>"
    assert templates.current(Template.objects.get()).html == "<p>{$x}</p>"
    caller.put("template", {"id": number, "content": "<p>new</p>"})
    assert templates.current(Template.objects.get()).html == "<p>new</p>"
    caller.put("template", {"id": number, "html": "<p>newer</p>"})
    assert caller.get(f"template/{number}").json()["content"] == "<p>newer</p>"


def test_an_author_in_tags_is_kept(caller):
    number = added(caller, **{"from": "{$boss} <info@example.com>"})
    assert caller.get(f"template/{number}").json()["from"] == "{$boss} <info@example.com>"
    number = added(caller, **{"name": "b", "from": "{$who}@example.com"})
    assert caller.get(f"template/{number}").json()["from"] == "{$who}@example.com"
    caller.put("template", {"id": number, "from": "x@example.com"})
    assert caller.get(f"template/{number}").json()["from"] == "x@example.com"


def test_a_change_leaves_the_rest(caller):
    number = added(caller)
    answer = caller.put("template", {"id": number, "subject": "New", "font": None, "extra": 1})
    assert (answer.status_code, answer.json()) == (201, {"id": number})
    shown = caller.get(f"template/{number}").json()
    assert (shown["subject"], shown["font"], shown["extra"]) == ("New", {"family": "Arial"}, 1)
    caller.put("template/text", {"name": "Welcome", "text": "by name"})
    assert caller.get(f"template/{number}").json()["text"] == "by name"
    caller.put("template", {"id": number, "name": "Renamed"})
    assert caller.get("template/Renamed").json()["id"] == number
    assert refused(caller.get("template/Welcome"))[0] == 404


def test_what_is_shown_can_be_sent_back_as_it_is(caller):
    number = added(caller)
    shown = caller.get(f"template/{number}").json()
    caller.put("template", shown)
    assert caller.get(f"template/{number}").json() == shown


def test_the_answer_leads_to_the_template(caller):
    for base in ("/v1/", "/smtpeter/v1/"):
        mounted = Caller(caller.client, caller.token, base=base)
        answer = mounted.post("template/html", DOCUMENT | {"name": base.strip("/")})
        number = answer.json()["id"]
        expected = f"http://testserver{base}template/{number}/html?access_token={caller.token}"
        assert answer["Location"] == expected
        assert caller.client.get(answer["Location"]).content == b"<p>Hello  &amp; co</p>"


def test_a_template_is_shown_in_forms_with_variables(caller):
    number = added(caller, text="{$recipient}: {$order.id}")
    variables = {"name": "<Ann>", "order[id]": "7", "recipient": "ann@x.example"}
    html = caller.get(f"template/{number}/html", query=variables)
    assert html.content.decode() == "<p>Hello <Ann> &amp; co</p>"
    assert "sandbox" in html["Content-Security-Policy"]
    assert caller.get(f"template/{number}/webversion", query=variables).content == html.content
    assert caller.get(f"template/{number}/text", query=variables).content == b"ann@x.example: 7"
    for form in ("mime", "embedded"):
        answer = caller.get(f"template/{number}/{form}", query=variables)
        message = email.message_from_bytes(answer.content, policy=email.policy.default)
        assert (message["Subject"], message["From"]) == ("Hi <ANN>", "Shop <info@example.com>")
        assert message["To"] == "ann@x.example"
    assert refused(caller.get(f"template/{number}/pdf"))[0] == 404


def test_a_deleted_template_is_gone_and_its_mails_stay(caller):
    number = added(caller)
    caller.post("send", {"recipient": "a@x.example", "template": number})
    answer = caller.delete(f"template/{number}")
    assert (answer.status_code, answer.json()) == (200, {"id": number})
    for verb in ("GET", "DELETE"):
        assert refused(caller.call(verb, f"template/{number}")) == (404, "There is no such template.")
    attempt = caller.get("events/email/a@x.example").json()[0]
    assert b"Hello" in caller.get(f"html/{attempt['id']}").content


def test_a_list_begins_and_ends_where_it_is_asked_to(caller):
    numbers = [added(caller, name=f"t{place}") for place in range(3)]
    assert caller.get("templates").json() == [
        {"id": number, "name": f"t{place}"} for place, number in enumerate(numbers)
    ]
    assert [each["id"] for each in caller.get("templates/1/").json()] == numbers[1:]
    assert [each["id"] for each in caller.get("templates/0/2").json()] == numbers[:2]
    assert caller.get("templates/999999999/999999999").json() == []


def test_a_stranger_sees_and_changes_nothing(caller, stranger):
    number = added(caller)
    assert stranger.get("templates").json() == []
    for which in (number, "Welcome"):
        assert refused(stranger.get(f"template/{which}"))[0] == 404
        assert refused(stranger.delete(f"template/{which}"))[0] == 404
    assert refused(stranger.put("template", {"id": number, "subject": "x"}))[0] == 404
    assert stranger.post("template", DOCUMENT).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"name": "", "html": "x"},
        {"name": " x", "html": "x"},
        {"name": ["x"], "html": "x"},
        {"name": "x" * 300, "html": "x"},
        {"name": "x", "html": "{if $a}"},
        {"name": "x", "html": {"a": 1}},
        {"name": "x", "html": "x", "subject": "a\nb"},
        {"name": "x", "html": "x", "big": 10**30},
        {"name": "x", "html": "x", "from": {"address": {}}},
        [1],
        b"{broken",
        b'{"name": "a\\u0000", "html": "x"}',
        b'{"name": "a\\ud800", "html": "x"}',
        b"[" * 5000,
    ],
)
def test_what_cannot_be_a_template_is_refused(caller, body):
    assert refused(caller.post("template", body))[0] == 400
    assert not Template.objects.exists()


def test_a_deep_document_is_taken_or_refused_but_never_breaks(caller):
    deep = {"a": 1}
    for _ in range(90):
        deep = {"a": deep}
    assert caller.post("template", DOCUMENT | {"deep": deep}).status_code in (201, 400)


def test_a_large_document_is_refused(caller, monkeypatch):
    monkeypatch.setattr(template_drafts, "LONGEST", 300)
    assert refused(caller.post("template", DOCUMENT | {"extra": "x" * 300}))[0] == 400


def test_the_body_must_be_json(caller):
    assert refused(caller.post("template", b"name=x&html=y", FORM))[0] == 415
    assert refused(caller.put("template", b"id=1", FORM))[0] == 415


@pytest.mark.parametrize("body", [{}, {"id": True}, {"id": [1]}, {"subject": "x"}, {"id": ""}])
def test_a_change_names_its_template(caller, body):
    added(caller)
    assert refused(caller.put("template", body))[0] == 400


@pytest.mark.parametrize("body", [{"id": 10**30}, {"id": -1}, {"id": "nothing"}, {"name": "x\ud83d\ude00"}])
def test_a_change_of_no_template_is_not_found(caller, body):
    assert refused(caller.put("template", body))[0] == 404


def test_a_name_is_taken_once(caller):
    added(caller)
    assert refused(caller.post("template", DOCUMENT))[0] == 409
    number = added(caller, name="other")
    assert refused(caller.put("template", {"id": number, "name": "Welcome"}))[0] == 409


@pytest.mark.parametrize(
    "path", ["template", "template/x/y/z", "templates/-1", "templates/x", "template/a%00b"]
)
def test_what_is_no_template_is_not_found(caller, path):
    assert refused(caller.get(path))[0] == 404
