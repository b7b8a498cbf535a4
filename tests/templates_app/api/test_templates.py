"""`/api/v1/templates/`: what is stored, what is refused, and what a stranger sees of it."""

import json
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from earwig import api_keys, domains
from earwig.models import AuditEntry
from earwig.models.api_keys import Scope
from spooling.models import MessageSet, Schedule, StageMessage
from templates_app.api.templates import TemplateViewSet
from templates_app.models import Template, TemplateVersion
from tests import costs
from tests.templates_app.api.conftest import WELCOME, Api

FIELDS = "id name language domain version from subject created_at updated_at".split()
UNKNOWN = "0" * 32
PARTS = ("", "versions/", "versions/1/")


def test_a_template_is_stored_and_shown_with_every_documented_field(api):
    answer = api("post", "templates/", WELCOME)
    assert answer.status_code == 201
    shown = answer.json()
    assert list(shown) == [*FIELDS, "html", "text", "variables"]
    assert {
        name: shown[name] for name in ("name", "language", "domain", "version", "subject", "html", "text")
    } == {
        **{name: WELCOME[name] for name in ("name", "subject", "html", "text")},
        "language": "mustache",
        "domain": None,
        "version": 1,
    }
    assert shown["from"] == {"email": "shop@example.org", "name": "Shop"}
    assert shown["variables"] == ["items", "name", "title"]
    assert shown["created_at"].endswith("Z")
    assert api("get", f"templates/{shown['id']}/").json() == shown
    assert api("get", f"templates/{shown['id']}").json() == shown
    assert api("get", f"templates/{shown['id'].upper()}/").json() == shown


def test_a_list_shows_templates_without_their_bodies(api, stranger):
    first, second = api.add(), api.add(name="farewell", language="plain")
    stranger.add(name="theirs")
    page = api("get", "templates").json()
    assert (page["count"], page["next"], page["previous"]) == (2, None, None)
    assert [row["id"] for row in page["results"]] == [first, second]
    assert list(page["results"][0]) == FIELDS
    assert [row["name"] for row in stranger("get", "templates/").json()["results"]] == ["theirs"]


def test_a_list_is_paged_and_filtered(api, account):
    domains.add(account, name="example.org", now=timezone.now())
    api.add()
    api.add(name="farewell", language="plain")
    api.add(name="news", domain="Example.ORG")

    def names(query):
        return [row["name"] for row in api("get", f"templates/?{query}").json()["results"]]

    assert names("limit=1&offset=1") == ["farewell"]
    assert names("name=news") == ["news"]
    assert names("language=plain") == ["farewell"]
    assert names("domain=example.org") == ["news"]
    assert names("name=nothing") == []
    assert api("get", "templates/?language=french").status_code == 400
    assert api("get", "templates/?limit=x").status_code == 400


def test_a_list_asks_the_database_the_same_number_of_times_whatever_its_length(api, key):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert api("get", "templates/").status_code == 200
        return len(seen)

    api.add()
    queries()
    few = queries()
    for number in range(20):
        api.add(name=f"template {number}")
    api("patch", f"templates/{api.add(name='changed')}/", {"text": "Other"})
    assert queries() == few


def test_what_is_changed_makes_a_version_and_the_earlier_one_stays(api):
    template = api.add()
    changed = api("patch", f"templates/{template}/", {"text": "Bye {{name}}"})
    assert (changed.status_code, changed.json()["version"], changed.json()["text"]) == (
        200,
        2,
        "Bye {{name}}",
    )
    assert changed.json()["html"] == WELCOME["html"]
    versions = api("get", f"templates/{template}/versions/").json()
    assert [list(row) for row in versions["results"]] == [["number", "from", "subject", "created_at"]] * 2
    assert [row["number"] for row in versions["results"]] == [2, 1]
    first = api("get", f"templates/{template}/versions/1/").json()
    assert list(first) == ["number", "from", "subject", "created_at", "html", "text"]
    assert first["text"] == "Hello {{name}}"
    assert api("get", f"templates/{template}/versions/1").json() == first
    assert api("get", f"templates/{template}/versions/3/").status_code == 404
    assert api("get", f"templates/{template}/versions/0/").status_code == 404
    assert api("get", f"templates/{template}/versions/99999999999/").status_code == 404


def test_a_change_that_changes_nothing_makes_no_version(api):
    template = api.add()
    assert api("patch", f"templates/{template}/", {"text": WELCOME["text"]}).json()["version"] == 1
    assert api("patch", f"templates/{template}/", {}).json()["version"] == 1
    assert api("put", f"templates/{template}/", WELCOME).json()["version"] == 1


def test_a_replacement_empties_what_it_does_not_give(api):
    template = api.add()
    shown = api("put", f"templates/{template}/", {"name": "short", "text": "Hi"}).json()
    assert (shown["name"], shown["text"], shown["html"], shown["from"], shown["subject"]) == (
        "short",
        "Hi",
        "",
        None,
        "",
    )
    assert shown["version"] == 2
    assert api.problems("put", f"templates/{template}/", {"text": "Hi"}) == {("name", "required")}
    assert api.problems("put", f"templates/{template}/", {"name": "x"}) == {("text", "required")}


def test_an_earlier_version_is_restored_as_a_new_one(api, stranger):
    template = api.add()
    api("patch", f"templates/{template}/", {"text": "Other", "from": None})
    assert stranger("post", f"templates/{template}/versions/1/restore/").status_code == 404
    answer = api("post", f"templates/{template}/versions/1/restore/")
    assert (answer.status_code, answer.json()["version"], answer.json()["text"]) == (201, 3, WELCOME["text"])
    assert answer.json()["from"] == {"email": "shop@example.org", "name": "Shop"}
    assert api("post", f"templates/{template}/versions/1/restore").json()["version"] == 3
    assert api("post", f"templates/{template}/versions/9/restore/").status_code == 404


def test_a_template_is_renamed_and_moved_without_a_version(api, account, other_account):
    domains.add(account, name="example.org", now=timezone.now())
    domains.add(other_account, name="rival.example", now=timezone.now())
    template = api.add()
    shown = api("patch", f"templates/{template}/", {"name": "hello", "domain": "example.org"}).json()
    assert (shown["name"], shown["domain"], shown["version"]) == ("hello", "example.org", 1)
    assert api("patch", f"templates/{template}/", {"domain": None}).json()["domain"] is None
    for domain in ("rival.example", "nowhere.example"):
        problems = api.problems("patch", f"templates/{template}/", {"domain": domain})
        assert problems == {("domain", "unknown_domain")}


def test_names_are_unique_in_an_account_and_domain(api, stranger, account):
    domains.add(account, name="example.org", now=timezone.now())
    first = api.add()
    stranger.add()
    api.add(domain="example.org")
    assert api.problems("post", "templates/", WELCOME, status=409) == {("name", "template_exists")}
    body = {**WELCOME, "domain": "example.org"}
    assert api.problems("post", "templates/", body, status=409) == {("name", "template_exists")}
    other = api.add(name="other")
    change = {"name": "welcome", "text": "Lost"}
    assert api.problems("patch", f"templates/{other}/", change, status=409) == {("name", "template_exists")}
    assert api("get", f"templates/{other}/").json()["version"] == 1
    assert api.problems("patch", f"templates/{first}/", {"domain": "example.org"}, status=409)


@pytest.mark.parametrize(
    "author", ["a@b.example", {"email": "a@b.example"}, {"email": "a@b.example", "name": None}]
)
def test_an_author_needs_no_name(api, author):
    template = api.add(**{"from": author})
    assert api("get", f"templates/{template}/").json()["from"] == {"email": "a@b.example", "name": ""}


WRONG = [
    ({"text": "{{#a}}"}, {("text", "template_syntax")}),
    ({"html": "x\n{{/a}}", "subject": "{{"}, {("html", "template_syntax"), ("subject", "template_syntax")}),
    ({"html": "x" * (1024 * 1024 + 1)}, {("html", "render_limit")}),
    ({"subject": "a\r\nBcc: x@y.example"}, {("subject", "header_injection")}),
    ({"subject": "x" * 2001}, {("subject", "too_long")}),
    ({"from": "nobody"}, {("from", "invalid_address")}),
    ({"from": {"email": "a@b.example", "name": "x\ny"}}, {("from", "invalid_address")}),
    ({"from": {"email": "a@b.example", "name": "{{#a}}"}}, {("from.name", "template_syntax")}),
    ({"from": {"email": "a@b.example", "title": "Dr"}}, {("from", "wrong_type")}),
    ({"from": {"name": "Ann"}}, {("from", "wrong_type")}),
    ({"from": ["a@b.example"]}, {("from", "wrong_type")}),
    ({"name": ""}, {("name", "blank")}),
    ({"name": "x" * 201}, {("name", "max_length")}),
    ({"name": "a\nb"}, {("name", "invalid")}),
    ({"name": None}, {("name", "null")}),
    ({"language": "jinja"}, {("language", "invalid_choice")}),
    ({"text": "", "html": ""}, {("text", "required")}),
    ({"text": {"a": 1}}, {("text", "invalid")}),
    ({"html": None}, {("html", "null")}),
    ({"nmae": "x", "engine": "y"}, {("nmae", "unknown_field"), ("engine", "unknown_field")}),
]


@pytest.mark.parametrize(("fields", "problems"), WRONG)
def test_what_is_wrong_is_named_with_its_field_and_stores_nothing(api, fields, problems):
    assert api.problems("post", "templates/", {**WELCOME, **fields}) == problems
    assert not Template.objects.exists() and not AuditEntry.objects.exists()
    template = api.add()
    if fields.keys() != {"language"}:
        assert api.problems("patch", f"templates/{template}/", fields) == problems
    assert TemplateVersion.objects.count() == 1


def test_a_wrong_tag_is_named_with_its_line(api):
    answer = api("post", "templates/", {**WELCOME, "html": "<p>\n\n{{#open}}"})
    [problem] = answer.json()["errors"]
    assert (problem["index"], problem["field"]) == (None, "html")
    assert "Line 3" in problem["message"]


@pytest.mark.parametrize("raw", ["[]", '"x"', "null", "7", "{"])
@pytest.mark.parametrize(
    ("verb", "part"), [("post", ""), ("put", "{}/"), ("patch", "{}/"), ("post", "{}/preview/")]
)
def test_a_body_that_is_no_object_is_refused(api, raw, verb, part):
    path = f"/api/v1/templates/{part.format(api.add())}"
    headers = {"Authorization": f"Token {api.key}"}
    answer = getattr(Client(), verb)(path, raw, content_type="application/json", headers=headers)
    assert answer.status_code == 400 and answer.json()["errors"]
    answer = getattr(Client(), verb)(path, raw, content_type="text/plain", headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (415, "not_json")


def test_a_language_stays(api):
    template = api.add()
    body = {"language": "plain"}
    assert api.problems("patch", f"templates/{template}/", body) == {("language", "conflict")}
    assert api("patch", f"templates/{template}/", {"language": "mustache"}).status_code == 200


def test_plain_text_is_taken_literally(api):
    template = api.add(language="plain", text="{{#not a tag")
    assert api("post", f"templates/{template}/preview/", {}).json()["text"] == "{{#not a tag"


def test_a_template_is_deleted_with_its_versions(api, stranger):
    template = api.add()
    assert stranger("delete", f"templates/{template}/").status_code == 404
    assert api("delete", f"templates/{template}/").status_code == 204
    assert api("get", f"templates/{template}/").status_code == 404
    assert not TemplateVersion.objects.exists()


def test_a_template_that_a_message_uses_is_not_deleted(api, account):
    template = api.add()
    schedule = Schedule.objects.create(account=account)
    message_set = MessageSet.objects.create(account=account, short_name="set", default_schedule=schedule)
    StageMessage.objects.create(
        messageset=message_set, sequence_number=1, lang="eng", template=Template.objects.get()
    )
    answer = api("delete", f"templates/{template}/")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "in_use")
    assert api("get", f"templates/{template}/").status_code == 200


@pytest.mark.parametrize("verb", ["get", "put", "patch", "delete"])
def test_anothers_template_is_as_unknown_as_none(api, stranger, verb):
    template = api.add()
    foreign = stranger(verb, f"templates/{template}/", WELCOME)
    unknown = stranger(verb, f"templates/{UNKNOWN}/", WELCOME)
    assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)
    assert foreign.json()["errors"][0]["code"] == "not_found"
    assert api("get", f"templates/{template}/").json()["version"] == 1


@pytest.mark.parametrize(
    ("verb", "part"),
    [
        ("get", "versions/"),
        ("get", "versions/1/"),
        ("post", "versions/1/restore/"),
        ("post", "preview/"),
        ("post", "test/"),
    ],
)
def test_nothing_below_anothers_template_is_found(api, stranger, verb, part):
    template = api.add()
    body = {"to": "ann@example.com"} if part == "test/" else {}
    assert stranger(verb, f"templates/{template}/{part}", body).status_code == 404
    assert api(verb, f"templates/{template}/{part}", body).status_code in (200, 201)


@pytest.mark.parametrize(
    "path", ["templates/1/", "templates/xyz/", "templates/-/", "templates//x/", "templates/0/versions/"]
)
def test_what_is_no_id_is_not_found(api, path):
    assert api("get", path).status_code == 404


@pytest.mark.parametrize(
    ("verb", "part"),
    [
        ("patch", ""),
        ("post", "versions/"),
        ("delete", "versions/1/"),
        ("patch", "versions/1/"),
        ("get", "preview/"),
    ],
)
def test_a_verb_that_a_resource_does_not_have_is_refused(api, verb, part):
    path = f"templates/{api.add()}/{part}" if part else "templates/"
    assert api(verb, path, {}).status_code == 405


def test_without_the_scope_nothing_is_changed(api, account):
    template = api.add()
    issued = api_keys.issue(account, name="reader", scopes=[Scope.READ], now=timezone.now())
    reader = Api(issued.secret)
    assert reader("get", f"templates/{template}/").status_code == 200
    assert reader("post", f"templates/{template}/preview/", {}).status_code == 200
    for verb, part in (
        ("post", ""),
        ("patch", f"{template}/"),
        ("delete", f"{template}/"),
        ("post", f"{template}/test/"),
    ):
        assert reader(verb, f"templates/{part}", WELCOME).status_code == 403


def test_adding_twice_with_the_same_idempotency_key_adds_once(api):
    headers = {"Idempotency-Key": "one"}
    first = api("post", "templates/", WELCOME, **headers)
    again = api("post", "templates/", WELCOME, **headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again["Idempotent-Replayed"] == "true" and again.json() == first.json()
    assert api("post", "templates/", {**WELCOME, "name": "other"}, **headers).status_code == 409
    assert Template.objects.count() == 1


def test_each_change_is_in_the_audit_trail_without_its_values(api, key):
    template = api.add()
    api("patch", f"templates/{template}/", {"text": "Secret"})
    api("post", f"templates/{template}/versions/1/restore/")
    pk = Template.objects.get().pk
    api("delete", f"templates/{template}/")
    trail = AuditEntry.objects.order_by("id").values_list("action", "subject", "key_prefix", "detail")
    assert list(trail) == [
        ("add", f"template {pk}", key[:8], {"fields": sorted(WELCOME)}),
        ("change", f"template {pk}", key[:8], {"fields": ["text"]}),
        ("template.restore", f"template {pk}", key[:8], {}),
        ("delete", f"template {pk}", key[:8], {}),
    ]
    assert "Secret" not in json.dumps(list(trail))


STYLED = "<style>p { color: red }</style><p>Hello {{name}}</p><table>{{#a}}<tr><td>1</td></tr>{{/a}}</table>"


def test_styles_are_inlined_and_text_is_made_when_asked_for(api):
    body = {**WELCOME, "html": STYLED, "inline_css": True, "text_from_html": True}
    del body["text"]
    shown = api("post", "templates/", body).json()
    assert re.search(r'<p style="color: ?red;?">Hello \{\{name\}\}</p>', shown["html"])
    assert shown["text"].split() == ["Hello", "{{name}}", "{{#a}}", "1", "{{/a}}"]
    template = api.add(name="later", html=STYLED)
    changed = api("patch", f"templates/{template}/", {"text_from_html": True}).json()
    assert (changed["html"], changed["text"], changed["version"]) == (STYLED, shown["text"], 2)
    changed = api("patch", f"templates/{template}/", {"inline_css": True}).json()
    assert (changed["html"], changed["text"], changed["version"]) == (shown["html"], shown["text"], 3)
    replaced = api("put", f"templates/{template}/", {**body, "name": "later"}).json()
    assert (replaced["html"], replaced["text"]) == (shown["html"], shown["text"])


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"text_from_html": True}, {("text", "conflict")}),
        ({"inline_css": "maybe"}, {("inline_css", "invalid")}),
        ({"inline_css": True, "html": "{{#a}}"}, {("html", "template_syntax")}),
        ({"inline_css": True, "html": "<p {{a}}>x"}, {("html", "not_convertible")}),
        ({"inline_css": True, "html": "<p>" * 400_000}, {("html", "render_limit")}),
    ],
)
def test_what_cannot_be_made_of_the_html_is_refused(api, fields, problems):
    assert api.problems("post", "templates/", {**WELCOME, **fields}) == problems
    assert not Template.objects.exists()


@pytest.mark.parametrize("verb", ["get", "patch", "put"])
def test_a_template_that_is_removed_during_the_call_is_not_found(api, monkeypatch, verb):
    template = api.add()
    find = TemplateViewSet.get_object

    def remove_then(call):
        def after(*args):
            found = call(*args)
            Template.objects.all().delete()
            return found

        return after

    monkeypatch.setattr(TemplateViewSet, "get_object", remove_then(find))
    assert api(verb, f"templates/{template}/", {**WELCOME, "name": "other"}).status_code == 404
    assert api("post", f"templates/{template}/preview/", {}).status_code == 404
    assert not Template.objects.exists()


def test_of_very_many_unknown_fields_some_are_named(api):
    body = {f"field {number}": 1 for number in range(200_000)}

    def act():
        answer = api("post", "templates/", body)
        problems = answer.json()["errors"]
        assert (answer.status_code, len(problems)) == (400, 100)
        assert {problem["code"] for problem in problems} == {"unknown_field"}

    assert costs.seconds(act, enough=1) < 2
