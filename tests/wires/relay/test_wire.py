"""Keys, accounts, verbs, forms and failures of the wire (contract §1)."""

import pytest
from django.db import OperationalError
from django.test import Client

from earwig.models.api_keys import Scope
from spooling.wires.relay import errors, relations
from tests.wires.relay.clients import Caller, refused

INDEX_LINK = {"href": "/", "description": "API index", "rel": "/docs/rels/get-index"}


def test_relay_5_without_a_key_nobody_is_known_and_a_wrong_one_is_told_apart(caller, keyless):
    absent, wrong = keyless.get(""), keyless.with_key("wrong").get("")
    assert refused(absent) == ("401.0", [])
    assert refused(wrong) == ("401.2", [])
    assert absent["WWW-Authenticate"] == wrong["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "token", "Token", "TOKEN"])
def test_a_key_comes_in_a_header(caller, scheme):
    caller.scheme = scheme
    assert caller.get("").status_code == 200


def test_a_key_comes_in_the_query_and_the_header_counts_before_it(caller, keyless):
    assert keyless.get(f"/accounts/acme?api_key={caller.key}").status_code == 200
    assert caller.get("/accounts/acme?api_key=wrong").status_code == 200
    assert keyless.get(f"/accounts/acme?api_key={caller.key}", Authorization="Basic eDp5").status_code == 200


def test_the_home_of_an_account_tells_who_it_is(caller, acme):
    by_slug, by_number = caller.get("/accounts/acme").json(), caller.get(f"/accounts/{acme.pk}").json()
    assert (by_slug["accountId"], by_slug["accountName"]) == (acme.pk, "acme")
    assert {link["href"].split("/")[2] for link in by_slug["_links"] if link != INDEX_LINK} == {"acme"}
    assert {link["href"].split("/")[2] for link in by_number["_links"] if link != INDEX_LINK} == {
        str(acme.pk)
    }


def test_another_account_is_as_unknown_as_none(stranger, acme):
    foreign, unknown = stranger.get(f"/accounts/{acme.pk}"), stranger.get("/accounts/999999")
    assert refused(foreign) == ("403.0", [])
    assert foreign.content == unknown.content
    assert refused(stranger.get("/accounts/acme")) == refused(stranger.get("/accounts/é%00")) == ("403.0", [])


def test_the_index_needs_no_key_and_keeps_what_the_product_says(client, db):
    document = Caller(client).get("/").json()
    assert document["name"] == "Earwig" and document["links"]["docs"] == "/api/docs/"
    assert document["_links"][0]["rel"] == "/docs/rels/get-index self"
    assert "links" not in Caller(client).get("/relay").json()
    assert "text/html" in client.get("/", headers={"Accept": "text/html,*/*"})["Content-Type"]
    assert refused(Caller(client).post("/", {})) == ("405.0", [])


@pytest.mark.parametrize("base", ["", "/relay"])
def test_both_mounts_answer_and_links_begin_after_the_base(caller, base):
    caller.base = base
    answer = caller.get("")
    assert answer["Content-Type"].endswith(f"profile=http://testserver{base}/schemas/account.json")
    assert answer.json()["_links"][0]["href"] == "/accounts/acme"
    assert caller.get("/accounts/acme/").status_code == caller.get("/accounts//acme").status_code == 200
    assert refused(caller.get("/accounts/acme/no/such")) == ("404.0", [])


def test_what_a_caller_may_see_is_what_its_proxy_says(caller, settings):
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    headers = {
        "Authorization": f"Bearer {caller.key}",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "testserver",
        "X-Forwarded-Prefix": "/mail",
    }
    answer = caller.client.get("/accounts/acme", headers=headers)
    assert answer["Content-Type"].endswith("profile=https://testserver/mail/schemas/account.json")


def test_a_base_that_ends_in_a_slash_makes_two(caller):
    headers = {"Authorization": f"Bearer {caller.key}"}
    assert caller.client.get("/", headers=headers, PATH_INFO="//accounts//acme").status_code == 200


@pytest.mark.parametrize(
    "path", ["/accounts", "/accounts/", "/relay/x", "/docs", "/schemas/no.json", "/user/x", "/reports"]
)
def test_unknown_paths_are_told_in_the_wires_own_form(client, db, path):
    number, _ = refused(Caller(client).get(path))
    assert number in ("404.0", "404.1")
    assert Caller(client).get(path).json()["resourceNotFoundPath"] == path


def test_a_host_of_nobody_is_not_repeated(client, db):
    answer = client.get("/docs/rels/get-index", headers={"Host": "evil.example"})
    assert "evil" not in answer["Content-Type"]


def test_plain_http_is_forbidden_where_it_is_off(caller, settings):
    settings.REQUIRE_HTTPS = True
    assert refused(caller.get("")) == ("403.0", [])
    assert caller.get("/").status_code == caller.get("/docs/rels/get-index").status_code == 200
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    headers = {"Authorization": f"Bearer {caller.key}", "X-Forwarded-Proto": "https"}
    assert caller.client.get("/accounts/acme", headers=headers).status_code == 200


@pytest.mark.parametrize("verb", ["PATCH", "TRACE", "POST", "DELETE"])
def test_other_verbs_are_405(caller, verb):
    answer = caller.call(verb, "")
    assert refused(answer) == ("405.0", [])
    assert "GET" in answer["Allow"]


def test_head_is_a_get_without_its_body(caller):
    answer = caller.call("HEAD", "")
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_browser_may_ask_before_it_calls(keyless):
    answer = keyless.call("OPTIONS", "/accounts/acme")
    assert answer.status_code == 204 and not answer.has_header("Content-Type")
    assert answer["Access-Control-Allow-Methods"] == "GET, POST, PUT, DELETE"
    assert "g-recaptcha-response" in answer["Access-Control-Allow-Headers"]


def test_a_key_that_may_not_read_is_forbidden(keyless, acme, make_key):
    assert refused(keyless.with_key(make_key(acme, [Scope.SEND])).get("")) == ("403.0", [])


def test_a_problem_is_its_own_type_for_who_asks(keyless):
    answer = keyless.client.get("/accounts/acme", headers={"Accept": "application/problem+json"})
    assert answer["Content-Type"].startswith("application/problem+json; charset=utf-8; profile=")


def test_no_form_token_is_asked_for_and_nothing_is_set_in_the_browser(caller):
    answer = Caller(Client(enforce_csrf_checks=True), caller.key).get("")
    assert answer.status_code == 200 and not answer.cookies


@pytest.mark.parametrize(("error", "number"), [(KeyError, "500.0"), (OperationalError, "503.0")])
def test_a_fault_of_ours_is_told_in_json(caller, monkeypatch, error, number):
    def fail(*_, **__):
        raise error("the disk is on fire")

    caller.client.raise_request_exception = False
    monkeypatch.setattr("spooling.wires.relay.views.entrance.Account", fail)
    monkeypatch.setattr("spooling.wires.relay.wire.limits.take", fail)
    answer = caller.get("")
    assert refused(answer) == (number, [])
    assert b"fire" not in answer.content


@pytest.mark.parametrize("name", sorted(relations.SCHEMAS))
def test_every_form_has_its_schema(keyless, name):
    assert keyless.get(f"/schemas/{name}.json").json() == relations.SCHEMAS[name]


@pytest.mark.parametrize("name", sorted(relations.RELATIONS))
def test_every_relation_has_its_page(keyless, name):
    assert keyless.get(f"/docs/rels/{name}").json()["description"] == relations.RELATIONS[name]


@pytest.mark.parametrize("number", sorted(errors.TITLES))
def test_every_kind_of_error_has_its_page(keyless, number):
    assert keyless.get(errors.page_of(number)).json()["title"] == errors.TITLES[number]
