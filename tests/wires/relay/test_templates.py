"""Templates (contract §4)."""

import uuid

import pytest
from django.utils import timezone

from earwig.models.api_keys import Scope
from spooling.wires.relay import template_texts
from templates_app import templates
from templates_app.models import Template
from tests.wires.relay.clients import BASE, refused

TEMPLATE = {
    "body": "Hello, this is my first Template.",
    "subject": "Test Template",
    "from_email": "test@test.com",
    "name": "My Second Template",
}
ITEM_KEYS = ["from_name", "from_email", "subject", "body", "name", "id", "last_updated", "created_at"]


def made(caller, **changes):
    """The id of a new template."""
    return caller.post("templates", TEMPLATE | changes).json()["createdResourceId"]


def rels(document):
    return [(link["href"], link["rel"]) for link in document["_links"]]


def test_relay_1_the_collection_is_a_page(caller, acme):
    caller.account = str(acme.pk)
    id = made(caller)
    answer = caller.get("templates")
    assert answer["Content-Type"] == (
        f"application/json; charset=utf-8; profile={BASE}/schemas/template-collection-page.json"
    )
    page, home = answer.json(), f"/accounts/{acme.pk}"
    assert {name: value for name, value in page.items() if name not in ("items", "_links")} == {
        "pageSize": 200,
        "itemsCount": 1,
        "currentPage": 1,
        "pagesCount": 1,
    }
    assert page["_links"] == [
        {
            "href": f"{home}/templates",
            "description": "Collection of templates",
            "rel": "/docs/rels/experimental /docs/rels/get-template-collection self",
        },
        {"href": f"{home}/templates", "description": "Create template", "rel": "/docs/rels/create-template"},
        {"href": home, "description": "Account home", "rel": "/docs/rels/get-account-home"},
        {"href": "/", "description": "API index", "rel": "/docs/rels/get-index"},
    ]
    (item,) = page["items"]
    assert list(item) == [*ITEM_KEYS, "bodyType", "_links"]
    assert item["created_at"].endswith("+00:00")
    href = f"{home}/templates/{id}"
    assert item["_links"] == [
        {"href": href, "description": "Specific template", "rel": "/docs/rels/get-template"},
        {
            "href": f"{href}/message",
            "description": "Create and send an email based on a template and a model to populate it",
            "rel": "/docs/rels/create-template-message",
        },
        {"href": href, "description": "Delete template", "rel": "/docs/rels/delete-template"},
        {"href": href, "description": "Edit template", "rel": "/docs/rels/edit-template"},
    ]


def test_relay_2_keys_travel_three_ways_and_links_repeat_the_accounts_name(caller, keyless, acme):
    made(caller)
    number = f"/accounts/{acme.pk}/templates"
    first = caller.get(number).json()
    assert keyless.get(f"{number}?api_key={caller.key}").json() == first
    caller.scheme = "token"
    assert caller.get(number).json() == first
    by_name = caller.get("/accounts/acme/templates").json()
    assert [item["id"] for item in by_name["items"]] == [item["id"] for item in first["items"]]
    assert by_name["_links"][0]["href"] == "/accounts/acme/templates"


@pytest.mark.parametrize("base", ["", "/relay"])
def test_relay_3_a_new_template_is_found_where_its_answer_says(caller, base):
    caller.base = base
    answer = caller.post("templates", TEMPLATE)
    assert answer.status_code == 201
    document = answer.json()
    id = document["createdResourceId"]
    assert id == str(uuid.UUID(id))
    assert answer["Location"] == f"{BASE}{base}/accounts/acme/templates/{id}"
    assert document["message"] == "Template successfully created"
    href, home = f"/accounts/acme/templates/{id}", "/accounts/acme"
    assert rels(document) == [
        (href, "/docs/rels/get-template related"),
        (f"{home}/templates", "/docs/rels/create-template self"),
        (href, "/docs/rels/delete-template"),
        (href, "/docs/rels/edit-template"),
        (f"{home}/templates", "/docs/rels/experimental /docs/rels/get-template-collection"),
        (f"{href}/message", "/docs/rels/create-template-message"),
        (home, "/docs/rels/get-account-home"),
        ("/", "/docs/rels/get-index"),
    ]
    shown = caller.get(href).json()
    assert {name: shown[name] for name in TEMPLATE} == TEMPLATE
    assert (f"{href}/body", "/docs/rels/get-template-body") in rels(shown)
    assert (f"{href}/body", "/docs/rels/edit-template-body") in rels(shown)


def test_relay_4_a_template_without_a_sender_is_the_documented_error(caller, acme):
    answer = caller.post(
        f"/accounts/{acme.pk}/templates",
        {name: value for name, value in TEMPLATE.items() if name != "from_email"},
    )
    assert answer.json() == {
        "title": "Validation error",
        "status": 400,
        "errorCode": 1,
        "detail": "Validation error validating `/schemas/template.json` for ``. "
        "See `errors` field for more details.",
        "errors": [{"key": "from_email", "detail": "The from_email field is required."}],
        "type": "/docs/errors/400.1-validation-error",
        "_links": [
            {
                "href": f"/accounts/{acme.pk}",
                "description": "Account home",
                "rel": "/docs/rels/get-account-home",
            }
        ],
    }
    assert not Template.objects.exists()


def test_relay_18_a_change_without_a_body_keeps_it(caller):
    id = made(caller)
    answer = caller.put(f"templates/{id}", {"subject": "New", "id": "other", "name": None})
    assert answer.status_code == 200
    assert answer.json()["message"] == "Template successfully updated" and answer.json()["_links"]
    shown = caller.get(f"templates/{id}").json()
    assert (shown["subject"], shown["body"], shown["name"]) == ("New", TEMPLATE["body"], TEMPLATE["name"])
    assert shown["bodyType"] == "rawHtml"
    caller.put(f"templates/{id}/body", {"html": "<p>x</p>"})
    assert caller.get(f"templates/{id}/body").json()["html"] == "<p>x</p>"
    assert caller.get(f"templates/{id}").json()["bodyType"] == "rawHtml"


def test_an_editors_document_comes_back_as_it_was(caller):
    id = made(caller)
    mseditor = {"attributes": {"a": None}, "settings": [], "children": [{"x": 1.5}]}
    answer = caller.put(f"templates/{id}/body", {"html": "<p>y</p>", "mseditor": mseditor})
    assert answer.json()["message"] == "Template successfully updated"
    body = caller.get(f"templates/{id}/body").json()
    assert (body["mseditor"], body["html"], body["name"]) == (mseditor, "<p>y</p>", TEMPLATE["name"])
    assert caller.get(f"templates/{id}").json()["bodyType"] == "mseditor"
    caller.put(f"templates/{id}", {"subject": "Other"})
    assert caller.get(f"templates/{id}/body").json()["mseditor"] == mseditor
    caller.put(f"templates/{id}/body", {"html": ""})
    assert "mseditor" not in caller.get(f"templates/{id}/body").json()
    assert caller.get(f"templates/{id}").json()["bodyType"] == "empty"


def test_an_editors_document_has_a_bound(caller):
    id = made(caller)
    for wrong in ({"x": "y" * template_texts.MOST_OF_EDITOR}, "x"):
        answer = caller.put(f"templates/{id}/body", {"html": "<p>y</p>", "mseditor": wrong})
        assert refused(answer) == ("400.1", ["mseditor"])
    assert caller.get(f"templates/{id}").json()["body"] == TEMPLATE["body"]


def test_a_template_may_begin_without_a_body(caller):
    id = made(caller, body=None)
    shown = caller.get(f"templates/{id}").json()
    assert (shown["body"], shown["bodyType"]) == ("", "empty")
    assert caller.get(f"templates/{id}/body").json()["html"] == ""


def test_two_templates_may_have_one_name(caller):
    assert made(caller) != made(caller)
    items = caller.get("templates").json()["items"]
    assert [item["name"] for item in items] == [TEMPLATE["name"]] * 2
    caller.put(f"templates/{items[0]['id']}", {"name": "Third"})
    caller.put(f"templates/{items[1]['id']}", {"name": "Third"})
    assert [item["name"] for item in caller.get("templates").json()["items"]] == ["Third"] * 2


@pytest.mark.parametrize("name", ["x" * 250, " Spaces ", "Ñandú\n2", "\u202eleft"])
def test_a_name_comes_back_as_it_was(caller, name):
    assert caller.get(f"templates/{made(caller, name=name)}").json()["name"] == name


def test_a_name_that_was_changed_elsewhere_counts(caller):
    id = made(caller, name=" padded ")
    template = Template.objects.get(public_id=id)
    templates.rename(template, name="elsewhere", domain=None, now=timezone.now())
    assert caller.get(f"templates/{id}").json()["name"] == "elsewhere"


def test_the_number_of_a_template_finds_it_too(caller):
    id = made(caller)
    number = Template.objects.get().pk
    assert caller.get(f"templates/{number}").json() == caller.get(f"templates/{id}").json()
    assert caller.get(f"templates/{id.upper()}").json()["id"] == id


def test_the_newest_change_comes_first(caller):
    first, second = made(caller, name="1"), made(caller, name="2")
    caller.put(f"templates/{first}", {"subject": "Changed"})
    assert [item["id"] for item in caller.get("templates").json()["items"]] == [first, second]


def test_a_deleted_template_is_gone(caller):
    id = made(caller)
    answer = caller.delete(f"templates/{id}", {})
    assert answer.status_code == 200 and answer.json()["message"] and answer.json()["_links"]
    gone = caller.get(f"templates/{id}")
    assert refused(gone) == ("404.1", [])
    assert gone.json()["resourceNotFoundPath"] == f"/accounts/acme/templates/{id}"
    assert refused(caller.delete(f"templates/{id}")) == ("404.1", [])


def test_pages_lead_to_each_other(caller):
    for number in range(7):
        made(caller, name=str(number))
    page = caller.get("templates?per_page=5").json()
    assert (len(page["items"]), page["pagesCount"], page["itemsCount"]) == (5, 2, 7)
    turns = {link["rel"].split()[-1]: link["href"] for link in page["_links"][4:]}
    assert set(turns) == {"first", "last", "next"}
    second = caller.get(turns["next"]).json()
    assert [item["name"] for item in second["items"]] == ["1", "0"]
    assert {link["rel"].split()[-1] for link in second["_links"][4:]} == {"first", "last", "previous"}
    beyond = caller.get("templates?per_page=5&page=20001").json()
    assert beyond["items"] == [] and beyond["itemsCount"] == 7


def test_no_link_of_a_page_holds_the_key(caller, keyless):
    for number in range(6):
        made(caller, name=str(number))
    answer = keyless.get(f"/accounts/acme/templates?per_page=5&api_key={caller.key}&x=y")
    assert caller.key not in answer.content.decode() and "x=y" in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "key"),
    [
        *(("page=0", "page"), ("page=x", "page"), ("page=20002&per_page=5", "page")),
        *(("per_page=4", "per_page"), ("per_page=201", "per_page")),
    ],
)
def test_a_page_that_cannot_be_is_named(caller, query, key):
    assert refused(caller.get(f"templates?{query}")) == ("400.1", [key])


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"from_email": "test"}, "from_email"),
        ({"from_email": "{{#x}}@test.com"}, "from_email"),
        ({"from_email": ["a"]}, "from_email"),
        ({"name": ""}, "name"),
        ({"name": "\n"}, "name"),
        ({"name": "x" * 251}, "name"),
        ({"subject": None}, "subject"),
        ({"subject": "x" * 999}, "subject"),
        ({"subject": "a\r\nBcc: x@y.zz"}, "subject"),
        ({"subject": "{{#x}}"}, "subject"),
        ({"from_name": "a\nb"}, "from_name"),
        ({"body": "{{#list}}"}, "body"),
        ({"body": 7.5, "from_email": "x"}, "from_email"),
        ({"body": {}}, "body"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_made(caller, change, key):
    assert refused(caller.post("templates", TEMPLATE | change)) == ("400.1", [key])
    assert not Template.objects.exists()


def test_everything_that_is_wrong_is_named_at_once(caller):
    assert refused(caller.post("templates", {})) == ("400.1", ["from_email", "subject", "name"])


@pytest.mark.parametrize(
    "body", [b"", b" ", b"null", b"[]", b"{", b'"x"', b'{"name": "\\u0000"}', b'{"name":"\\ud800"}']
)
def test_a_body_that_is_no_object_is_refused(caller, body):
    assert refused(caller.post("templates", body)) == ("400.1", [""])


def test_an_empty_body_is_told_by_the_documented_sentence(caller):
    assert caller.post("templates").json()["errors"] == [{"key": "", "detail": "Value is required."}]


@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded", "rubbish"])
def test_a_body_is_json_whatever_its_type(caller, kind):
    assert caller.post("templates", TEMPLATE, content_type=kind).status_code == 201
    assert caller.post("templates", b"\xef\xbb\xbf" + b'{"name": 5}').status_code == 400


def test_another_account_sees_and_changes_nothing(caller, stranger):
    id = made(caller)
    own, foreign = f"/accounts/rival/templates/{id}", f"/accounts/acme/templates/{id}"
    for verb, body in [("GET", {}), ("PUT", {"subject": "x"}), ("DELETE", {})]:
        unknown = own.replace(id, str(uuid.uuid4()))
        assert refused(stranger.call(verb, own, body)) == refused(stranger.call(verb, unknown, body))
        assert refused(stranger.call(verb, own, body)) == ("404.1", [])
        assert refused(stranger.call(verb, foreign, body)) == ("403.0", [])
    assert (
        refused(stranger.get(f"{own}/body"))
        == refused(stranger.put(f"{own}/body", {"html": ""}))
        == ("404.1", [])
    )
    assert refused(stranger.get(f"/accounts/rival/templates/{Template.objects.get().pk}")) == ("404.1", [])
    stranger.account = "rival"
    assert stranger.get("templates").json()["items"] == []
    assert caller.get(f"templates/{id}").json()["subject"] == TEMPLATE["subject"]


@pytest.mark.parametrize("id", ["0", "99999999999999999999", "x", "é", "%00", "a" * 3000, "1e3"])
def test_no_id_is_a_fault_of_ours(caller, id):
    assert refused(caller.get(f"templates/{id}")) == ("404.1", [])


def test_a_key_may_do_what_its_scopes_say(caller, keyless, acme, make_key):
    reader = keyless.with_key(make_key(acme, [Scope.READ]))
    assert reader.get("templates").status_code == 200
    assert refused(reader.post("templates", TEMPLATE)) == ("403.0", [])
    assert refused(reader.put(f"templates/{made(caller)}", {"subject": "x"})) == ("403.0", [])


def test_a_list_takes_few_queries(caller, django_assert_max_num_queries):
    for number in range(5):
        made(caller, name=str(number))
    with django_assert_max_num_queries(4):
        caller.get("templates")
