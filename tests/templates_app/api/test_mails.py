"""`POST /api/v1/mails/` with a template: what comes from where, and what does not go together."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from earwig import senders
from spooling import privacy
from spooling.delivery import letters
from spooling.models import Content, Mail
from tests import costs
from tests.templates_app.api.conftest import WELCOME

ANN = {"email": "ann@example.com", "variables": {"name": "Ann"}}
UNKNOWN = "0" * 32
#: As many tags as a text may have, or as its language lets it.
FULL = {
    "mustache": "{{a}}" * 1000,
    "liquid": "{{ a | upcase | downcase | append: b }}" * 500,
    "braces": "{{a}}" * 1000,
}


def _send(api, **fields):
    answer = api("post", "mails/", fields)
    assert answer.status_code == 201, answer.content
    return Content.objects.get(pk=Mail.objects.get(public_id=answer.json()["mails"][0]["id"]).content_id)


def test_a_mail_says_what_its_template_says(api):
    template = api.add()
    content = _send(api, template=template, recipients=[ANN])
    assert (content.from_email, content.from_name) == ("shop@example.org", "Shop")
    assert (content.subject, content.html, content.text) == tuple(
        WELCOME[name] for name in ("subject", "html", "text")
    )
    assert content.template_language == "mustache"
    sent = letters.shown(Mail.objects.get()).decode()
    assert "Subject: Hello Ann" in sent and "<p>Hello Ann" in sent
    assert api("get", f"mails/{Mail.objects.get().public_id.hex}/").json()["subject"] == "Hello Ann"


@pytest.mark.parametrize(
    ("own", "shown"),
    [
        ({"subject": "Other {{name}}"}, {"subject": "Other {{name}}"}),
        ({"from": "me@example.net"}, {"from_email": "me@example.net", "from_name": ""}),
        ({"html": ""}, {"html": "", "text": WELCOME["text"]}),
        ({"text": "Mine", "html": None}, {"text": "Mine", "html": WELCOME["html"]}),
        ({"template_version": 1}, {"text": WELCOME["text"]}),
        ({"template_version": None}, {"text": "Second"}),
    ],
)
def test_what_the_mail_gives_itself_stays_its_own(api, own, shown):
    template = api.add()
    if "template_version" in own:
        api("patch", f"templates/{template}/", {"text": "Second"})
    content = _send(api, template=template, to="ann@example.com", **own)
    assert {name: getattr(content, name) for name in shown} == shown


def test_a_change_of_the_template_is_seen_at_once_and_earlier_mails_stay(api):
    template = api.add()
    before = _send(api, template=template, to="ann@example.com")
    api("patch", f"templates/{template}/", {"text": "Second"})
    assert _send(api, template=template, to="ann@example.com").text == "Second"
    before.refresh_from_db()
    assert before.text == WELCOME["text"]
    api("delete", f"templates/{template}/")
    gone = {"template": template, "to": "ann@example.com"}
    assert api.problems("post", "mails/", gone) == {("template", "unknown_template")}


def test_texts_beside_a_template_are_in_its_language(api):
    template = api.add(language="plain", subject="Hi")
    content = _send(
        api, template=template, to="ann@example.com", subject="{{#not a tag", headers={"X-A": "{{#"}
    )
    assert (content.subject, content.template_language) == ("{{#not a tag", "plain")
    template = api.add(name="tags")
    body = {"template": template, "to": "ann@example.com"}
    wrong = {"subject": "{{#a}}", "headers": {"X-A": "{{/b}}"}, "from": "{{#c}} <a@b.example>"}
    assert api.problems("post", "mails/", {**body, **wrong}) == {
        ("subject", "template_syntax"),
        ("headers.X-A", "template_syntax"),
        ("from", "template_syntax"),
    }


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"template": UNKNOWN}, {("template", "unknown_template")}),
        ({"template": "x"}, {("template", "wrong_type")}),
        ({"template": 7}, {("template", "wrong_type")}),
        ({"template_version": 9}, {("template_version", "unknown_version")}),
        ({"template_version": 0}, {("template_version", "invalid")}),
        ({"template_version": True}, {("template_version", "invalid")}),
        ({"template_version": 2**40}, {("template_version", "invalid")}),
        (
            {"template": None, "template_version": 1, "from": "a@b.example", "text": "x"},
            {("template_version", "conflict")},
        ),
        ({"template": None}, {("from", "required"), ("text", "required")}),
        ({"html": "", "text": ""}, {("text", "required")}),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_stored(api, fields, problems):
    body = {"template": api.add(), "to": "ann@example.com", **fields}
    assert api.problems("post", "mails/", body) == problems
    assert not Mail.objects.exists()


def test_somebody_has_to_send_it(api):
    template = api.add(**{"from": None})
    body = {"template": template, "to": "ann@example.com"}
    assert api.problems("post", "mails/", body) == {("from", "required")}
    assert _send(api, **body, **{"from": "a@b.example"}).from_email == "a@b.example"


def test_each_letter_of_a_list_is_named_by_its_index(api, stranger):
    good, foreign = api.add(), stranger.add()
    letters = [{"template": template, "to": "ann@example.com"} for template in (good, foreign, UNKNOWN)]
    problems = api("post", "mails/", letters).json()["errors"]
    assert [(problem["index"], problem["code"]) for problem in problems] == [
        (1, "unknown_template"),
        (2, "unknown_template"),
    ]
    assert problems[0]["message"] == problems[1]["message"]


def test_neighbours_with_the_same_template_share_one_content(api):
    template = api.add()
    letters = [{"template": template, "recipients": [{"email": f"a{n}@example.com"}]} for n in range(20)]
    assert api("post", "mails/", letters).status_code == 201
    assert (Mail.objects.count(), Content.objects.count()) == (20, 1)


def test_a_template_costs_one_query_and_a_mail_without_one_none(api):
    def statements(**fields):
        with CaptureQueriesContext(connection) as seen:
            assert api("post", "mails/", {"to": "ann@example.com", **fields}).status_code == 201
        return sum("templates_app" in query["sql"] for query in seen.captured_queries)

    template = api.add()
    assert statements(**{"from": "a@b.example", "text": "x"}) == 0
    assert statements(template=template) == 1
    api("patch", f"templates/{template}/", {"text": "Second"})
    assert statements(template=template, template_version=1) == 1


def test_a_list_names_several_versions_of_several_templates(api):
    first, second = api.add(), api.add(name="other", text="Other")
    api("patch", f"templates/{first}/", {"text": "Second"})
    named = [(first, 1), (first, None), (second, None), (first, 2)]
    letters = [
        {"template": template, "template_version": version, "to": "ann@example.com"}
        for template, version in named
    ]
    mails = api("post", "mails/", letters).json()["mails"]
    said = [Mail.objects.get(public_id=mail["id"]).content.text for mail in mails]
    assert said == [WELCOME["text"], "Second", "Other", "Second"]
    letters[2]["template_version"] = 2
    assert api.problems("post", "mails/", letters) == {("template_version", "unknown_version")}


def test_an_erased_address_is_in_no_later_mail(api, account):
    joe = senders.vouch(account, email="joe@example.net", name="Joe", ttl_days=10, now=timezone.now())
    template = api.add(text="Ask joe@example.net")
    assert "joe@" in _send(api, template=template, to="ann@example.com").text
    privacy.forget(joe, now=timezone.now())
    assert "joe@" not in _send(api, template=template, to="ann@example.com").text


@pytest.mark.parametrize("language", [None, *FULL])
def test_a_thousand_large_texts_of_one_call_are_refused_before_they_take_long(api, language):
    letter = {"from": "shop@example.org", "to": ["ann@example.com"]}
    if language:
        letter["template"] = api.add(language=language, subject="x", html="x", text="x")
    source = FULL[language or "mustache"]
    letters = [{**letter, "text": f"{number}{source}"} for number in range(1000)]

    def act():
        answer = api("post", "mails/", letters)
        assert answer.status_code == 400 and not Mail.objects.exists()
        assert [problem["code"] for problem in answer.json()["errors"]] == ["too_many"]

    assert costs.seconds(act, enough=6) < 8


@pytest.mark.parametrize("language", [None, *FULL])
def test_one_large_text_may_be_in_many_letters_of_a_call(api, language):
    letter = {"from": "shop@example.org", "to": ["ann@example.com"], "text": FULL[language or "mustache"]}
    if language:
        letter["template"] = api.add(language=language, subject="x", html="x", text="x")
    assert api("post", "mails/", [letter] * 150).status_code == 201


def test_of_very_many_wrong_letters_some_are_named(api):
    template = api.add(language="liquid", subject="x", html="x", text="x")
    wrong = {"template": template, "to": ["ann@example.com"], "text": "{{ a | nope }}"}
    answer = api("post", "mails/", [wrong] * 200)
    assert answer.status_code == 400
    assert [problem["index"] for problem in answer.json()["errors"]] == list(range(100))
