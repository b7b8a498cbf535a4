"""Credentials, bodies, errors, URLs and pages (contract §1, §12; scenarios 1, 3 and 4)."""

import json

import pytest
from django.db import OperationalError
from django.test import Client

from spooling.api.stages.message_sets import MessageSetSerializer
from spooling.models import Schedule

LISTS = [
    "/schedule/",
    "/messageset/",
    "/messageset_languages/",
    "/message/",
    "/binarycontent/",
    "/subscriptions/",
    "/failed-tasks/",
    "/behind-subscriptions/",
]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("header", "detail"),
    [
        (None, "Authentication credentials were not provided."),
        ("Token " + "0" * 40, "Invalid token."),
        ("Token", "Invalid token header. No credentials provided."),
        ("Basic bm9ib2R5OndvcmQ=", "Invalid username/password."),
        ("Digest x", "Authentication credentials were not provided."),
    ],
)
def test_01_without_a_right_credential_every_list_is_401_with_a_basic_challenge(db, path, header, detail):
    answer = Client().get(f"/api/v1{path}", headers={"Authorization": header} if header else {})
    assert (answer.status_code, answer.json()) == (401, {"detail": detail})
    assert answer["WWW-Authenticate"] == 'Basic realm="api"'


def test_a_user_logs_in_by_basic(hub, client):
    hub.schedule()
    good = Client().get(
        "/api/v1/schedule/",
        headers={"Authorization": "Basic c3RhZmZAYWNtZS5leGFtcGxlOmNvcnJlY3QgaG9yc2U="},
    )
    assert (good.status_code, good.json()["count"]) == (200, 1)


@pytest.fixture
def fifty(account):
    Schedule.objects.bulk_create([Schedule(account=account, hour=str(n % 24)) for n in range(50)])


def test_03_a_page_in_the_middle(hub, fifty):
    page = hub.get("/schedule/?limit=10&offset=20").json()
    assert list(page) == ["count", "next", "previous", "results"]
    assert (page["count"], len(page["results"])) == (50, 10)
    assert page["next"] == "http://testserver/api/v1/schedule/?limit=10&offset=30"
    assert page["previous"] == "http://testserver/api/v1/schedule/?limit=10&offset=10"


def test_the_first_and_the_last_page(hub, fifty):
    assert hub.get("/schedule/?limit=10&offset=10").json()["previous"].endswith("/schedule/?limit=10")
    last = hub.get("/schedule/?limit=10&offset=40").json()
    assert (last["next"], len(last["results"])) == (None, 10)
    beyond = hub.get("/schedule/?limit=10&offset=60").json()
    assert (beyond["results"], beyond["next"]) == ([], None)
    assert beyond["previous"].endswith("?limit=10&offset=50")


@pytest.mark.parametrize("limit", ["", "0", "-1", "ten", "1e3", "9" * 5000, "%00"])
def test_a_limit_that_is_none_is_the_default_of_1000(hub, fifty, limit):
    page = hub.get(f"/schedule/?limit={limit}").json()
    assert (len(page["results"]), page["next"]) == (50, None)


@pytest.mark.parametrize("offset", ["", "-1", "x", "9" * 5000])
def test_an_offset_that_is_none_is_the_start(hub, fifty, offset):
    assert len(hub.get(f"/schedule/?offset={offset}").json()["results"]) == 50


def test_an_offset_beyond_all_integers_is_an_empty_page(hub, fifty):
    assert hub.get("/schedule/?offset=" + "9" * 40).json()["results"] == []


def test_pages_hold_1000_and_5000_at_most(hub, account):
    Schedule.objects.bulk_create([Schedule(account=account) for _ in range(5001)])
    assert len(hub.results("/schedule/")) == 1000
    page = hub.get("/schedule/?limit=1000000").json()
    assert (page["count"], len(page["results"])) == (5001, 5000)
    assert page["next"].endswith("?limit=5000&offset=5000")


def test_04_each_page_keeps_what_was_asked_known_and_unknown(hub):
    schedule = hub.schedule()
    hub.message_set("x", schedule)
    for number in range(3):
        hub.message_set(f"y{number}", schedule)
    url, seen = "/api/v1/messageset/?limit=1&content_type=text&foo=1", []
    while url:
        page = hub.follow(url).json()
        seen += [row["short_name"] for row in page["results"]]
        url = page["next"]
        assert url is None or ("content_type=text" in url and "foo=1" in url)
    assert seen == ["x", "y0", "y1", "y2"]


def test_a_page_without_a_slash_leads_to_one_without(hub, fifty):
    assert hub.get("/schedule?limit=10").json()["next"].endswith("/api/v1/schedule?limit=10&offset=10")


@pytest.mark.parametrize("path", ["/schedule.json?limit=1", "/schedule/?format=json&limit=1"])
def test_a_suffix_and_a_format_select_json(hub, fifty, path):
    page = hub.get(path, Accept="text/html")
    assert page["Content-Type"] == "application/json"
    assert hub.follow(page.json()["next"]).json()["previous"].startswith("http://testserver/api/v1/schedule")


FORWARDED = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "mail.example",
    "X-Forwarded-Prefix": "/sbm",
}


def test_links_begin_with_the_base_that_a_trusted_proxy_was_asked_for(hub, fifty, settings):
    settings.TRUSTED_PROXIES = ["127.0.0.0/8"]
    settings.ALLOWED_HOSTS = ["testserver", "mail.example"]
    page = hub.get("/schedule/?limit=10", **FORWARDED).json()
    assert page["next"] == "https://mail.example/sbm/api/v1/schedule/?limit=10&offset=10"


@pytest.mark.parametrize(
    ("extra", "base"),
    [
        ({"X-Forwarded-Port": "8443"}, "https://mail.example:8443/sbm"),
        ({"X-Forwarded-Port": "443"}, "https://mail.example/sbm"),
        ({"X-Forwarded-Host": "evil.example"}, "https://testserver/sbm"),
        ({"X-Forwarded-Host": "mail.example/x?"}, "https://testserver/sbm"),
        ({"X-Forwarded-Host": "inner.example, mail.example"}, "https://mail.example/sbm"),
        ({"X-Forwarded-Proto": "javascript"}, "http://mail.example/sbm"),
        ({"X-Forwarded-Prefix": "/../x"}, "https://mail.example/../x"),
        ({"X-Forwarded-Prefix": "//evil.example"}, "https://mail.example"),
        ({"X-Forwarded-Prefix": "/a b"}, "https://mail.example"),
    ],
)
def test_what_a_proxy_cannot_have_meant_changes_nothing(hub, fifty, settings, extra, base):
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    settings.ALLOWED_HOSTS = ["testserver", "mail.example"]
    page = hub.get("/schedule/?limit=10", **{**FORWARDED, **extra}).json()
    assert page["next"].removesuffix("/api/v1/schedule/?limit=10&offset=10") == base


def test_nobody_else_decides_where_links_lead(hub, fifty):
    page = hub.get("/schedule/?limit=10", **FORWARDED).json()
    assert page["next"].startswith("http://testserver/api/v1/")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "JSON parse error - "),
        (b"\xff", "JSON parse error - "),
        (b'{"hour": NaN}', "JSON parse error - "),
        (b'{"hour": "\\u0000"}', "JSON parse error - "),
        (b"[" * 100_000, "JSON parse error - "),
        (b'{"a":' * 400 + b"1" + b"}" * 400, "JSON parse error - "),
    ],
)
def test_malformed_json_is_a_detail(hub, body, says):
    answer = hub.call("POST", "/schedule/", body)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(says)


@pytest.mark.parametrize("body", [[], [1], "text", 7])
def test_something_else_than_an_object_is_a_problem_of_no_field(hub, body):
    answer = hub.post("/schedule/", body)
    assert (answer.status_code, list(answer.json())) == (400, ["non_field_errors"])


def test_a_body_may_be_json_with_a_charset_a_form_or_multipart(hub):
    json_ = hub.call(
        "POST", "/schedule/", b'{"hour": 1}', **{"Content-Type": "application/json;charset=utf-8"}
    )
    form = hub.call("POST", "/schedule/", b"hour=1", **{"Content-Type": "application/x-www-form-urlencoded"})
    multipart = hub.form("/schedule/", {"hour": "1"})
    for answer in (json_, form, multipart):
        assert (answer.status_code, answer.json()["hour"]) == (201, "1")


def test_an_empty_json_body_is_an_empty_object(hub):
    assert hub.call("POST", "/schedule/", b"").status_code == 201
    assert hub.call("POST", "/subscriptions/", b"").json()["identity"] == ["This field is required."]


def test_another_kind_of_body_is_415(hub):
    answer = hub.call("POST", "/schedule/", b"<hour/>", **{"Content-Type": "text/xml"})
    assert (answer.status_code, answer.json()) == (
        415,
        {"detail": 'Unsupported media type "text/xml" in request.'},
    )


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_a_body_beyond_the_limit_is_413(hub, settings, kind):
    settings.MAX_BODY_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = hub.call("POST", "/schedule/", b'{"hour": "' + b"1" * 1000 + b'"}', **{"Content-Type": kind})
    assert (answer.status_code, list(answer.json())) == (413, ["detail"])


def test_too_many_fields_of_a_form_are_400(hub, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 10
    answer = hub.form("/schedule/", {f"f{number}": "1" for number in range(20)})
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])


@pytest.mark.parametrize(
    "body", [b"--x\r\nbroken", b"", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n']
)
def test_a_broken_multipart_body_is_no_500(hub, body):
    answer = hub.call("POST", "/binarycontent/", body, **{"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status_code == 400
    assert (
        hub.call("POST", "/binarycontent/", b"a", **{"Content-Type": "multipart/form-data"}).status_code
        == 400
    )


def test_unknown_keys_are_ignored(hub):
    made = hub.made(
        "/schedule/", {"hour": " 7 ", "id": 99, "cron_string": "* * *", "scheduler_schedule_id": "x"}
    )
    assert made["hour"] == "7" and made["id"] != 99


@pytest.mark.parametrize(
    "path", ["/schedule/0/", "/schedule/text/", "/schedule/" + "9" * 30, "/subscriptions/1/"]
)
def test_an_unknown_object_is_not_found(hub, path):
    answer = hub.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize(
    "path", ["/schedule/1/runs/", "/subscriptions/1/2/3", "/message/1/content/x", "/user/"]
)
def test_a_path_below_a_resource_that_is_none_is_not_found_in_the_same_words(hub, path):
    assert (hub.get(path).status_code, hub.get(path).json()) == (404, {"detail": "Not found."})
    assert "errors" in hub.get("/schedules/").json()


def test_an_outage_is_told_in_the_same_words(hub, monkeypatch):
    def fail(*args, **kwargs):
        raise OperationalError

    monkeypatch.setattr(Schedule.objects, "filter", fail)
    answer = hub.get("/schedule/")
    assert (answer.status_code, list(answer.json())) == (503, ["detail"]) and answer["Retry-After"]


def test_a_name_that_was_free_a_moment_ago_is_a_conflict(hub, stage, monkeypatch):
    """As when two calls check the same name before either is stored."""
    monkeypatch.setattr(MessageSetSerializer, "validate_short_name", lambda self, name: name)
    answer = hub.post("/messageset/", {"short_name": "first", "default_schedule": stage.schedule})
    assert (answer.status_code, list(answer.json())) == (409, ["detail"])


def test_a_wrong_verb_is_405(hub):
    answer = hub.call("DELETE", "/schedule/", b"")
    assert (answer.status_code, answer.json()) == (405, {"detail": 'Method "DELETE" not allowed.'})
    assert answer["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_head_and_options(hub, fifty):
    assert (hub.call("HEAD", "/schedule/", b"").status_code, hub.call("HEAD", "/schedule/").content) == (
        200,
        b"",
    )
    for path in ("/schedule/", f"/schedule/{Schedule.objects.first().pk}/", "/subscriptions/request"):
        told = hub.call("OPTIONS", path, b"")
        assert told.status_code == 200 and "application/json" in told.json()["parses"]
    assert hub.call("OPTIONS", "/schedule/", b"").json()["actions"]["POST"]["hour"]["max_length"] == 64


def test_a_key_does_what_its_scopes_say(key_with, reader, stage):
    refused = {"detail": "You do not have permission to perform this action."}
    assert reader.get("/schedule/").status_code == 200
    assert reader.call("OPTIONS", "/schedule/", b"").status_code == 200
    for verb, path in (
        ("POST", "/schedule/"),
        ("PATCH", f"/schedule/{stage.schedule}/"),
        ("DELETE", "/message/1/"),
    ):
        answer = reader.call(verb, path, {})
        assert (answer.status_code, answer.json()) == (403, refused)
    for path in (
        f"/schedule/{stage.schedule}/send/",
        "/subscriptions/request",
        f"/subscriptions/{stage.identity}/send",
    ):
        assert key_with("read", "manage").post(path).status_code == 403
    assert key_with("send").post(f"/schedule/{stage.schedule}/send/").status_code == 202
    assert key_with("send").get("/schedule/").status_code == 403


def test_a_key_of_another_address_is_403(key_with):
    answer = key_with("read", allowed_ips=["192.0.2.1"]).get("/schedule/")
    assert answer.status_code == 403 and list(answer.json()) == ["detail"]


def test_a_limited_key_is_told_when_to_come_back(key_with):
    hub = key_with("read", requests_per_minute=1)
    hub.get("/schedule/")
    answer = hub.get("/schedule/")
    assert answer.status_code == 429 and answer["Retry-After"] and list(answer.json()) == ["detail"]


def test_a_repeated_call_with_an_idempotency_key_makes_one(hub):
    first = hub.post("/schedule/", {"hour": 1}, **{"Idempotency-Key": "a"})
    again = hub.post("/schedule/", {"hour": 1}, **{"Idempotency-Key": "a"})
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert again["Idempotent-Replayed"] == "true" and Schedule.objects.count() == 1
    other = hub.post("/schedule/", {"hour": 2}, **{"Idempotency-Key": "a"})
    assert other.status_code == 409 and list(other.json()) == ["detail"]


def test_an_answer_is_json_also_where_a_page_would_be(hub):
    assert json.loads(hub.get("/schedule/", Accept="text/html").content)["count"] == 0


def test_each_list_is_there_with_and_without_its_slash(hub):
    for path in LISTS:
        assert hub.get(path).status_code == hub.get(path.rstrip("/")).status_code == 200
