"""Paths, verbs, keys and failures of the wire (contract §1 to §3, §22)."""

import gc
import re
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from rest_framework.request import Request

from earwig import api_keys
from earwig.models import ApiKey
from earwig.models.api_keys import Scope
from spooling.models import Spooler
from spooling.wires.octosend import urls
from spooling.wires.octosend.views import domains
from tests.wires.octosend.clients import BASE, Caller, refused
from tests.wires.octosend.conftest import DEMO

BASES = ["/api/3.0/", "/api/v3.0/", "/octosend/api/3.0/", "/octosend/api/v3.0/", "/octosend/3.0/"]
_GROUP = re.compile(r"\(\?P<(\w+)>(?:\[[^\]]*\]|[^()\[\]])*\)")
#: Paths without a key of their own.
OPEN = ("authenticate", "reporting/files/")


def paths(token="s0"):
    """Every path of the wire, with a domain and a spooler in it."""
    known = {"name": DEMO, "domain": DEMO, "token": token, "kind": "part"}
    for route in urls.urlpatterns:
        pattern = route.pattern.regex.pattern.removeprefix("^").removesuffix("/?$")
        yield _GROUP.sub(lambda match: known.get(match[1], "x"), pattern).replace("\\", "")


def test_scenario_3_without_a_right_key_all_is_forbidden(keyless):
    assert refused(keyless.get("domains/count")) == (403, "forbidden")
    assert refused(keyless.with_key("bogus").get("domains/count")) == (403, "forbidden")
    assert refused(keyless.post("spoolers/create", b"{broken")) == (403, "forbidden")


@pytest.mark.parametrize("path", [path for path in paths() if not path.startswith(OPEN)])
def test_no_path_is_open_without_a_key(keyless, path):
    statuses = {keyless.get(path).status_code, keyless.post(path, b"{broken").status_code}
    assert statuses <= {403, 405}
    assert 403 in statuses


@pytest.mark.parametrize("path", [path for path in paths("TOKEN") if DEMO in path or "TOKEN" in path])
@pytest.mark.parametrize("body", [b"{broken", b"{}"])
def test_what_another_entity_has_is_as_unknown_as_nothing(stranger, token, path, body):
    before = Spooler.objects.values().get(token=token)
    for verb in ("GET", "POST"):
        foreign = stranger.call(verb, path.replace("TOKEN", token), body)
        unknown = stranger.call(verb, path.replace("TOKEN", "s" + "0" * 32).replace(DEMO, "no.example"), body)
        assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)
        assert foreign.status_code in (404, 405)
    assert Spooler.objects.values().get(token=token) == before


def test_scenario_25_runs_of_slashes_are_one(caller):
    for path in ("/api/3.0//domains/count", "/api///3.0/domains//count"):
        assert Caller(caller.client, caller.key, base="").get(path).json() == 2


@pytest.mark.parametrize("base", BASES)
def test_every_mount_answers_with_and_without_a_final_slash(caller, base):
    mounted = Caller(caller.client, caller.key, base=base)
    assert mounted.get("domains/count").json() == 2
    assert mounted.get("domains/count/").json() == 2
    assert refused(mounted.get("no/such/method")) == (404, "not-found")
    assert refused(mounted.post("")) == (404, "not-found")


@pytest.mark.parametrize(
    "path", ["/api/3.0", "/api/v3.0", "/octosend", "/octosend/", "/octosend/x", "/octosend/3.0"]
)
def test_an_unknown_path_under_a_mount_is_this_wires(client, db, path):
    assert refused(Caller(client, base="").get(path)) == (404, "not-found")


@pytest.mark.parametrize(
    "path", ["domain/a%00b", "domain/%ff", "spooler/s%00", "spooler/é", "domain/" + "x" * 3000]
)
def test_paths_hold_anything(caller, path):
    assert refused(caller.get(path)) == (404, "not-found")


def test_the_native_paths_are_not_touched(client, db):
    assert "errors" in client.get("/api/3.1/domains/count").json()
    assert "errors" in client.get("/api/v1/domains/count").json()


@pytest.mark.parametrize("verb", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_only_get_and_post_are_known(keyless, verb):
    answer = keyless.call(verb, "domains/count")
    assert refused(answer) == (405, "method-not-allowed")
    assert answer["Allow"] == "GET, POST"


def test_checks_come_in_the_order_of_the_contract(caller, keyless, token):
    assert keyless.post("nope").status_code == 404
    assert keyless.get("spoolers/create").status_code == 405
    assert keyless.post("spooler/s0/name", b"{").status_code == 403
    assert caller.post("spooler/s0/name", b"{").status_code == 404
    caller.post(f"spooler/{token}/cancel")
    assert refused(caller.post(f"spooler/{token}/name", b"{")) == (400, "invalid-json")
    assert refused(caller.post(f"spooler/{token}/name", {})) == (400, "missing-field")
    assert refused(caller.post(f"spooler/{token}/name", {"name": "x"})) == (400, "spooler-locked")


@pytest.mark.parametrize(
    "kind",
    ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "", "rubbish"],
)
def test_a_body_is_json_whatever_its_type(client, caller, kind):
    answer = client.generic(
        "POST",
        f"{BASE}domains/count",
        b'{"nameContains": "news"}',
        content_type=kind,
        headers={"X-RMTA-API-Key": caller.key},
    )
    assert answer.content == b"1"


def test_what_a_client_accepts_makes_no_difference(caller):
    for accepted in ("text/html", "image/*;q=0.1", "rubbish"):
        assert caller.get("domains/count", Accept=accepted).json() == 2


def test_a_dangling_question_mark_is_nothing(caller):
    assert caller.get("domains/count?").json() == 2


def test_no_form_token_is_asked_for(caller):
    strict = Caller(Client(enforce_csrf_checks=True), caller.key)
    assert strict.post("domains/count").json() == 2


def test_nothing_is_set_in_the_browser(caller):
    assert not caller.get("domains/count").cookies


@pytest.mark.parametrize("how", ["revoked", "expired", "elsewhere", "inactive"])
def test_a_key_that_opens_nothing_is_forbidden(shop, keyless, make_key, how):
    past = timezone.now() - timedelta(hours=1)
    restrictions = {"expired": {"expires_at": past}, "elsewhere": {"allowed_ips": ["10.0.0.0/8"]}}
    key = make_key(shop, **restrictions.get(how, {}))
    if how == "revoked":
        api_keys.revoke(ApiKey.objects.get(name="tests"), now=timezone.now())
    if how == "inactive":
        shop.active = False
        shop.save()
    assert refused(keyless.with_key(key).get("domains/count")) == (403, "forbidden")


def test_a_key_has_its_requests_per_minute(shop, keyless, make_key, monkeypatch):
    monkeypatch.setattr("earwig.web.limits.time.time", lambda: 1_000_000_000.0)
    limited = keyless.with_key(make_key(shop, requests_per_minute=2))
    assert [limited.get("domains/count").status_code for _ in range(2)] == [200, 200]
    third = limited.get("domains/count")
    assert refused(third) == (429, "rate-limited")
    assert third["Retry-After"]


@pytest.mark.parametrize(
    ("scopes", "path", "status"),
    [
        ([Scope.READ], "domains/count", 200),
        ([Scope.READ], "spoolers/fetch", 200),
        ([Scope.READ], f"templates/domain/{DEMO}/count", 200),
        ([Scope.READ], "tools/html-to-text", 400),
        ([Scope.READ], "spoolers/create", 403),
        ([Scope.READ], "domains/create", 403),
        ([Scope.READ], "domains/delete", 403),
        ([Scope.READ], f"templates/domain/{DEMO}/create", 403),
        ([Scope.READ], f"domain/{DEMO}/draft-addresses", 403),
        ([Scope.MANAGE], "domains/count", 403),
        ([Scope.MANAGE], "spoolers/create", 400),
        ([Scope.SEND], "spoolers/create", 403),
        ([], "domains/count", 403),
    ],
)
def test_a_key_may_do_what_its_scopes_say(shop, keyless, make_key, scopes, path, status):
    assert keyless.with_key(make_key(shop, scopes)).post(path).status_code == status


@pytest.mark.parametrize(
    "call", ["name", "start", "tags", "headers", "ready", "pause", "resume", "finish", "cancel"]
)
def test_a_reading_key_changes_no_spooler(shop, keyless, make_key, token, call):
    reader = keyless.with_key(make_key(shop, [Scope.READ]))
    assert refused(reader.post(f"spooler/{token}/{call}")) == (403, "forbidden")
    assert reader.spooler(token)["state"] == "new"


def test_a_body_over_the_limit_is_refused_in_json(caller, settings):
    settings.MAX_BODY_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert refused(caller.post("domains/count", b" " * 1001)) == (413, "too-large")


def test_two_megabytes_are_no_large_body(caller):
    body = {"html": "<p>" + "x" * 10, "unknown": "y" * 3_000_000}
    assert caller.post("tools/html-to-text", body).status_code == 200


@pytest.mark.parametrize(
    ("error", "status", "slug"), [(KeyError, 500, "internal"), (OperationalError, 503, "unavailable")]
)
def test_a_fault_of_ours_is_told_in_json(caller, monkeypatch, error, status, slug):
    def fail(*_, **__):
        raise error("the disk is on fire")

    caller.client.raise_request_exception = False
    monkeypatch.setattr(domains.filters, "domains", fail)
    answer = caller.get("domains/count")
    assert refused(answer) == (status, slug)
    assert b"fire" not in answer.content


BODIES = [b"{", b"5", b"[1]", b"name=x"]
FIELDS = (
    "name type content domain start tags headers variables addresses html limit offset reverse states types domains "
    "nameContains createdAfter createdBefore endAfter email mails recipients parts attachments subject sender groupBy "
    "fromEmail toEmail username password filename after before events destinations activityClicked"
).split()
VALUES = [
    5,
    -1,
    2**70,
    1e300,
    True,
    "",
    "x",
    "\u2028",
    [],
    [[]],
    [{}],
    [None],
    {},
    {"a": {"b": []}},
    [{"email": 5}],
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_no_value_of_a_field_is_a_fault_of_ours(caller, value):
    for path in paths(caller.new()):
        answer = caller.post(path, dict.fromkeys(FIELDS, value))
        assert answer.status_code in (200, 400, 403, 404, 405), path


@pytest.mark.parametrize("body", BODIES)
def test_no_body_is_a_fault_of_ours(caller, body):
    for path in paths(caller.new()):
        assert caller.post(path, body).status_code in (400, 404, 405), path


def test_a_call_leaves_nothing_to_the_collector_of_cycles(caller, token):
    path = f"spooler/{token}/spool"
    body = {"mails": [{"email": f"p{number}@x.example"} for number in range(50)]}
    gc.disable()
    try:
        assert caller.post(path, body).status_code == 200
        found = [each for each in gc.get_objects() if isinstance(each, Request)]
    finally:
        gc.enable()
    assert not [each for each in found if each._request.path.endswith(path)]
