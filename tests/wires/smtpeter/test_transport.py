"""Paths, verbs, tokens and failures of the wire (contract §1, §7)."""

import gc
import logging
import re
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from rest_framework.request import Request

from earwig import api_keys
from earwig.models import ApiKey
from spooling.models import Mail
from spooling.wires.smtpeter import urls
from spooling.wires.smtpeter.views import parts, sending
from tests.wires.smtpeter.clients import BASE, Caller, refused

BASES = ["/v1/", "/smtpeter/v1/"]
SEED = {"recipient": "john@doe.com", "html": "Hi", "from": "info@example.com", "to": "john@doe.com"}
VERBS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")
_CHOICE = re.compile(r"\(\?(?::|P<\w+>)([a-z|]+)\)")
_GROUP = re.compile(r"\(\?P<\w+>(?:\[[^\]]*\]|[^()\[\]])*\)")


def paths():
    """Every path of the wire but the one for all others, with something in each place."""
    for route in urls.urlpatterns[:-1]:
        pattern = route.pattern.regex.pattern.removeprefix("^").removesuffix("/?$")
        path = _CHOICE.sub(lambda found: found[1].split("|")[-1], pattern)
        path = _GROUP.sub(lambda found: "1" if "[0-9" in found[0] else "x", path).replace("\\", "")
        yield path.replace("headers?", "headers")


PATHS = list(paths())


@pytest.mark.parametrize("path", PATHS)
def test_no_path_is_open_without_a_token(keyless, path):
    statuses = {keyless.call(verb, path, b"{broken").status_code for verb in VERBS}
    assert statuses == {401, 405}


@pytest.mark.parametrize("path", PATHS)
def test_no_path_answers_anything_by_plain_http(caller, settings, path):
    settings.REQUIRE_HTTPS = True
    for verb in VERBS:
        assert caller.call(verb, path).status_code == 400


@pytest.mark.parametrize("path", PATHS)
def test_another_verb_is_told_which_there_are(caller, path):
    for verb in VERBS:
        answer = caller.call(verb, path, b"")
        if answer.status_code == 405:
            assert verb not in answer["Allow"].split(", ")
        else:
            assert "Allow" not in answer


@pytest.mark.parametrize("base", BASES)
def test_every_mount_answers_with_and_without_a_final_slash(caller, base):
    mounted = Caller(caller.client, caller.token, base=base)
    for path in ("send", "send/"):
        assert mounted.post(path, SEED).content == b"1"
    assert mounted.get("html/x/").status_code == mounted.get("html/x").status_code == 404


def test_runs_of_slashes_are_one(caller):
    assert Caller(caller.client, caller.token, base="/v1///").post("send//", SEED).content == b"1"


@pytest.mark.parametrize("path", ["", "nothing", "send/x", "html", "attachments/a/b/c", "send.json"])
@pytest.mark.parametrize("verb", VERBS)
def test_an_unknown_method_is_not_found_by_any_verb(caller, keyless, path, verb):
    for each in (caller, keyless):
        answer = each.call(verb, path)
        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["/v1", "/smtpeter", "/smtpeter/", "/smtpeter/v2/send"])
def test_an_unknown_path_under_a_mount_is_this_wires(client, db, path):
    assert refused(Caller(client, base="").get(path)) == (404, "There is nothing here.")


@pytest.mark.parametrize("id", ["a%00b", "%ff", "é", "x" * 3000, "m" + "z" * 25, "a;b", "a@b", "1", "%2e%2e"])
def test_ids_hold_anything(caller, id):
    assert refused(caller.get(f"html/{id}")) == (404, "No such message")


def test_the_native_paths_are_not_touched(client, db):
    assert "errors" in client.get("/api/v1/mails/").json()


# Tokens


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Token"])
def test_a_token_may_stand_in_the_header_too(keyless, caller, scheme):
    answer = keyless.post("send", SEED, Authorization=f"{scheme} {caller.token}")
    assert answer.content == b"1"


def test_a_token_of_the_query_counts_before_the_header(caller):
    assert caller.post("send", SEED, Authorization="Bearer bogus").content == b"1"


def test_a_token_in_the_body_is_none(keyless, caller):
    assert refused(keyless.post("send", SEED | {"access_token": caller.token}))[0] == 401


@pytest.mark.parametrize("token", ["", " ", "\0", "é", "x" * 10_000, "a b"])
def test_what_is_no_token_opens_nothing(keyless, token):
    assert refused(keyless.with_token(token).post("send", SEED)) == (401, "Invalid access token")


@pytest.mark.parametrize("how", ["revoked", "expired", "elsewhere", "inactive"])
def test_a_token_that_opens_nothing_any_more(acme, keyless, make_key, how):
    past = timezone.now() - timedelta(hours=1)
    restrictions = {"expired": {"expires_at": past}, "elsewhere": {"allowed_ips": ["10.0.0.0/8"]}}
    token = make_key(acme, **restrictions.get(how, {}))
    if how == "revoked":
        api_keys.revoke(ApiKey.objects.get(), now=timezone.now())
    if how == "inactive":
        acme.active = False
        acme.save()
    status = refused(keyless.with_token(token).post("send", SEED))[0]
    assert status == (403 if how == "elsewhere" else 401)
    assert not Mail.objects.exists()


def test_a_rate_that_is_used_up_says_when_to_come_back(client, acme, make_key):
    slow = Caller(client, make_key(acme, requests_per_minute=1))
    slow.post("send", SEED)
    answer = slow.post("send", SEED)
    if answer.status_code == 200:
        # The minute of the clock has just ended.
        answer = slow.post("send", SEED)
    assert refused(answer)[0] == 429
    assert 0 < int(answer["Retry-After"]) <= 60


# Answers


def test_what_a_client_accepts_makes_no_difference(caller):
    for accepted in ("text/html", "application/json", "image/*;q=0.1", "rubbish"):
        assert caller.post("send", SEED, Accept=accepted).content == b"1"


def test_answers_are_kept_by_nobody_and_do_not_tell_the_token_on(caller):
    for answer in (caller.post("send", SEED), caller.post("send", {}), caller.get("nothing")):
        assert (answer["Referrer-Policy"], answer["Cache-Control"]) == ("no-referrer", "no-store")
        assert not answer.cookies


def test_no_form_token_is_asked_for(caller):
    strict = Caller(Client(enforce_csrf_checks=True), caller.token)
    assert strict.post("send", SEED).content == b"1"


def test_a_body_over_the_limit_is_refused(caller, settings):
    settings.MAX_BODY_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    for type_ in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        assert refused(caller.post("send", b"x" * 1001, type_))[0] == 413


def test_too_many_fields_of_a_query_are_refused(caller):
    query = "&".join(f"a{n}=1" for n in range(20_001))
    answer = caller.client.post(f"{BASE}send?access_token={caller.token}&{query}", SEED, "application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/json")


def test_a_token_reaches_no_log(caller, caplog):
    with caplog.at_level(logging.DEBUG):
        caller.post("send", SEED)
        caller.post("send", {})
        caller.get("nothing")
        caller.with_token("secret-but-wrong").get("html/x")
    assert caller.token not in caplog.text and "secret-but-wrong" not in caplog.text
    assert "john@doe.com" not in caplog.text


def test_an_error_of_ours_is_a_document_too(caller, monkeypatch):
    def fail(*_, **__):
        raise KeyError("a defect")

    monkeypatch.setattr(sending.letters, "read", fail)
    caller.client.raise_request_exception = False
    answer = caller.post("send", SEED)
    assert refused(answer) == (500, "Something went wrong on our side.")


def test_an_outage_of_the_database_says_when_to_come_back(caller, monkeypatch):
    def fail(*_, **__):
        raise OperationalError("gone")

    monkeypatch.setattr(sending.intake, "accept", fail)
    answer = caller.post("send", SEED)
    assert refused(answer)[0] == 503
    assert answer["Retry-After"]


def requests():
    return sum(isinstance(each, Request) for each in gc.get_objects())


def test_a_call_leaves_no_cycle_that_holds_its_body(caller):
    gc.collect()
    gc.disable()
    try:
        before = requests()
        caller.post("send", SEED)
        assert requests() == before
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("headers", "proxies", "expected"),
    [
        ({}, [], "http://testserver/smtpeter/v1/template/7"),
        (
            {"X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/mail"},
            [],
            "http://testserver/smtpeter/v1/template/7",
        ),
        (
            {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "testserver", "X-Forwarded-Prefix": "/mail"},
            ["127.0.0.1"],
            "https://testserver/mail/smtpeter/v1/template/7",
        ),
    ],
)
def test_addresses_of_ours_lead_to_where_the_client_is(
    client, caller, settings, monkeypatch, headers, proxies, expected
):
    settings.TRUSTED_PROXIES, settings.ALLOWED_HOSTS = proxies, ["testserver"]
    found = []
    monkeypatch.setattr(
        parts.HtmlView, "get", lambda self, request, message_id: found.append(self.address("template/7"))
    )
    with pytest.raises(AssertionError):
        Caller(client, caller.token, base="/smtpeter/v1/").get("html/x", **headers)
    assert found == [expected]
